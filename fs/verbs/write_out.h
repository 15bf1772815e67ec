#ifndef CACHEFS_WRITE_OUT_H
#define CACHEFS_WRITE_OUT_H

/*
 * A close, a sync or a last close of what has been written: it is published (publish.h), or it
 * becomes a scratch file (scratch.h), or the layers forget what such a file was.
 */

#include "verbs/fs_state.h"

/*
 * Waits (after waiting_begin()). 0 also when there was nothing to do or the inode was unlinked
 * meanwhile; otherwise the layers' -errno, as publish(). Call with no lock held and the inode
 * pinned.
 */
int write_out(struct fs *fs, struct inode *inode);

#endif
