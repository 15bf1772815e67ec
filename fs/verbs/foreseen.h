#ifndef CACHEFS_FORESEEN_H
#define CACHEFS_FORESEEN_H

/*
 * A set that is known to fail should fail before its close, because a shell ignores the result of
 * close(). A scratch file is not a set, so it does not fail here.
 */

#include "verbs/fs_state.h"

/*
 * open(2) with these flags, of an existing file or of a new one that will not be a scratch file.
 * -EIO if the opener will certainly write and no layer is available that a set needs. (A program
 * that opens with O_RDWR may only want a lock.)
 */
int foreseen_at_open(struct fs *fs, const struct inode *inode, int flags);
int foreseen_at_create(struct fs *fs, int flags);

/* A file is about to become `size` bytes large. -EFBIG: larger than any layer takes; -ENOSPC: the
 * journal or the disk is full. May wait for room in the journal, as a set does. */
int foreseen_at_write(struct fs *fs, struct inode *inode, uint64_t size);

/* Likewise for truncate(2), which writes nothing: only -EFBIG. */
int foreseen_at_resize(struct fs *fs, struct inode *inode, uint64_t size);

#endif
