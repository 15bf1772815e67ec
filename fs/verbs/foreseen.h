#ifndef CACHEFS_FORESEEN_H
#define CACHEFS_FORESEEN_H

/*
 * What is known beforehand of a set fails before its close: a shell does not look at what close()
 * says. A scratch file is no set, and fails at nothing here.
 */

#include "verbs/fs_state.h"

/*
 * open(2) with these flags of a file, and of what will be no scratch file, by one who will write for
 * certain: -EIO if no layer is there that a set needs. Who opens with O_RDWR may only want a lock.
 */
int foreseen_at_open(struct fs *fs, const struct inode *inode, int flags);
int foreseen_at_create(struct fs *fs, int flags);

/* A file is about to be `size` bytes large: -EFBIG, larger than any layer takes; -ENOSPC, the
 * journal or the disk is full. May wait, as a set does, for room in the journal. */
int foreseen_at_write(struct fs *fs, struct inode *inode, uint64_t size);

/* The same by truncate(2), which writes nothing: -EFBIG alone. */
int foreseen_at_resize(struct fs *fs, struct inode *inode, uint64_t size);

#endif
