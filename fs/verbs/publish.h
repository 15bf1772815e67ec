#ifndef CACHEFS_PUBLISH_H
#define CACHEFS_PUBLISH_H

/* The one place where a set becomes visible. */

#include "verbs/fs_state.h"

/*
 * Publishes what the private inode's writers have made, if there is anything unpublished, as its
 * key. Waits (after waiting_begin()). -ECANCELED: there was nothing to do, or the inode was
 * unlinked meanwhile; -EAGAIN: it has another key by now; otherwise the layers' -errno: the old
 * value is still there, and the content is withheld until somebody writes on. Call with no lock
 * held and the inode pinned.
 */
int publish(struct fs *fs, struct inode *inode, struct key key);

/*
 * The set that a rename of a scratch file to a real name is: publishes what the file holds as `to`,
 * whose key is `key`, and moves it there in the same instant. In place: `to` is its own name; at
 * the end whoever has it open. The inode is pinned, the name referenced. -ENOENT: it is no scratch
 * file any more; -EEXIST; -EIO: a write to it failed; -EBUSY: it is open for writing; -EAGAIN: a
 * name has another key by now, or it is being published already.
 */
enum publish_how { PUBLISH_REPLACE, PUBLISH_NOREPLACE, PUBLISH_IN_PLACE, PUBLISH_AT_END };
int publish_as(struct fs *fs, struct inode *inode, struct name *to, struct key key,
	       enum publish_how how);

#endif
