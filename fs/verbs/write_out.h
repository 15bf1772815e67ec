#ifndef CACHEFS_WRITE_OUT_H
#define CACHEFS_WRITE_OUT_H

/*
 * Writes the content out at a close, a sync or a last close: the content is published (publish.h),
 * or the inode becomes a scratch file (scratch.h), or the layers remove the old copy of one.
 */

#include "verbs/fs_state.h"

/*
 * Waits (after waiting_begin()). 0, also if there was nothing to do or the inode was unlinked
 * meanwhile; otherwise the layers' -errno, as publish(). Call with no lock held and the inode
 * pinned.
 */
int write_out(struct fs *fs, struct inode *inode);

#endif
