#ifndef CACHEFS_PUBLISH_H
#define CACHEFS_PUBLISH_H

/* The only functions that make a set visible. */

#include "verbs/fs_state.h"

/*
 * Publishes the unpublished content of a private inode as the value of its key. Waits (after
 * waiting_begin()). -ECANCELED: nothing was unpublished, or the inode was unlinked meanwhile;
 * -EAGAIN: the inode has another key by now; otherwise the layers' -errno: the old value is still
 * there, and the content is withheld until the next write. Call with no lock held and the inode
 * pinned.
 */
int publish(struct fs *fs, struct inode *inode, struct key key);

/*
 * The set that the rename of a scratch file to a real name is: publishes the file's content as
 * `to`, whose key is `key`, and moves the file there in the same instant. PUBLISH_IN_PLACE: `to` is
 * its own name. PUBLISH_AT_END: likewise, even if somebody has the file open. The inode is pinned,
 * the name referenced. -ENOENT: it is not a scratch file any more; -EEXIST; -EIO: a write to it
 * failed; -EBUSY: it is open for writing; -EAGAIN: a name has another key by now, or the file is
 * being published already.
 */
enum publish_how { PUBLISH_REPLACE, PUBLISH_NOREPLACE, PUBLISH_IN_PLACE, PUBLISH_AT_END };
int publish_as(struct fs *fs, struct inode *inode, struct name *to, struct key key,
	       enum publish_how how);

#endif
