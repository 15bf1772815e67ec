#ifndef CACHEFS_CONTROL_RUN_H
#define CACHEFS_CONTROL_RUN_H

/* Carries out the commands that are written to `.cachefs/control` (control_command.h), before the
 * write returns. */

#include "verbs/handle.h"

/* open(2) of `control`, for writing. 0 or -ENOMEM. */
int control_open(struct fs *fs, struct inode *inode, struct handle **handle);

/*
 * A write to `control`; bytes NULL: its last close. The close carries out a last line without a
 * newline; nobody gets its result, so the log tells a failure. 0; -EINVAL for a line that is no
 * command (the log tells it); -ETIMEDOUT if a flush is not stored in time; -errno of the layers.
 */
int control_write(struct fs *fs, struct handle *h, const char *bytes, size_t size);

#endif
