#ifndef CACHEFS_MOUNT_OPTIONS_H
#define CACHEFS_MOUNT_OPTIONS_H

/* The words of -o: those for the kernel and libfuse are kept, those for the mount tools (fstab) end
 * here, all others are mistakes. */

#include <stdbool.h>

#include "base/problem.h"

/*
 * Adds a comma-separated text to *options (malloc'ed, NULL: empty). sloppy: what is unknown is left
 * out instead of refused. 0 or -EINVAL with the problem set.
 */
int mount_options_add(char **options, const char *text, bool sloppy, struct problem *problem);

/* Whether a joined text has this option, with a value or without. NULL has none. */
bool mount_options_have(const char *options, const char *name);

/*
 * What follows from the rest: default_permissions with allow_other (others may come in, so the
 * kernel must check), and source as the fsname, which findmnt shows, unless one was given.
 */
int mount_options_complete(char **options, const char *source, struct problem *problem);

#endif
