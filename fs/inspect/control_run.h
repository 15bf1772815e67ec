#ifndef CACHEFS_CONTROL_RUN_H
#define CACHEFS_CONTROL_RUN_H

/* Does what is written to `.cachefs/control` (control_command.h), before the write returns. */

#include "verbs/handle.h"

/* open(2) of it, for writing. 0 or -ENOMEM. */
int control_open(struct fs *fs, struct inode *inode, struct handle **handle);

/*
 * A write to it, or with bytes NULL its last close, which nobody hears of: a last line without a
 * newline is obeyed, and if it fails that is told in the log. 0; -EINVAL for what is no command (told in the log);
 * -ETIMEDOUT if what was to be flushed is not stored in time; -errno of the layers.
 */
int control_write(struct fs *fs, struct handle *h, const char *bytes, size_t size);

#endif
