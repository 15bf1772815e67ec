#ifndef CACHEFS_PARENTS_H
#define CACHEFS_PARENTS_H

#include <sys/types.h>

/* Makes every missing directory above path, but not path itself. Each has this mode, whatever the
 * umask is. 0 or -errno. */
int parents_make(const char *path, mode_t mode);

/* Makes path itself in the same way, but no directory above it. */
int parents_make_one(const char *path, mode_t mode);

#endif
