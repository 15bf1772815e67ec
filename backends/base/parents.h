#ifndef CACHEFS_PARENTS_H
#define CACHEFS_PARENTS_H

#include <sys/types.h>

/* Makes every missing directory that leads to path, not path itself; each has this mode, whatever
 * the umask. 0 or -errno. */
int parents_make(const char *path, mode_t mode);

/* The same for path itself alone. */
int parents_make_one(const char *path, mode_t mode);

#endif
