#ifndef CACHEFS_MOUNT_OPTIONS_H
#define CACHEFS_MOUNT_OPTIONS_H

/* The words of -o. Words for the kernel and libfuse are kept; words for the mount tools (fstab) are
 * dropped; all others are mistakes. */

#include <stdbool.h>

#include "base/problem.h"

/*
 * Adds a comma-separated text to *options (malloc'ed, NULL: empty). sloppy: unknown words are
 * dropped, not refused. 0 or -EINVAL with the problem set.
 */
int mount_options_add(char **options, const char *text, bool sloppy, struct problem *problem);

/* True if a joined text has this option, with or without a value. NULL has none. */
bool mount_options_have(const char *options, const char *name);

/*
 * Adds the options that follow from the others: default_permissions to allow_other (other users may
 * enter, so the kernel must check), and source as the fsname, which findmnt shows, unless one was
 * given.
 */
int mount_options_complete(char **options, const char *source, struct problem *problem);

#endif
