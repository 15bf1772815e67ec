#ifndef CACHEFS_NAME_READ_H
#define CACHEFS_NAME_READ_H

/* Reads of the layers by the key of a name, which may be renamed meanwhile. */

#include "inodes/table.h"

/* Whether a directory on the way to the root (dir included) is being renamed. */
bool inode_is_moving_locked(const struct inodes *t, const struct inode *dir);

/* Waits until that is over, for 30 s at most. False: nothing to wait for. */
bool inode_wait_for_move_locked(struct inodes *t, const struct inode *dir);

/*
 * For a read by a key that found nothing, or a part. It is admitted by nobody, and may have come
 * between a directory's old place and its new one. True: that may be so (what is under way has been
 * waited for); read again by the key of now.
 */
bool name_is_elsewhere_locked(struct inodes *t, const struct name *name, struct key key);
bool inode_is_elsewhere(struct inodes *t, struct inode *inode, struct key key);

#endif
