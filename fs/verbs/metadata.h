#ifndef CACHEFS_METADATA_H
#define CACHEFS_METADATA_H

/* Changes of a file's metadata: chmod, chown, utimens, extended attributes, TTL. */

#include "verbs/fs_state.h"

/*
 * change() edits a copy of the metadata. It is called with no lock held; a negative errno ends the
 * change. The `fields` (enum meta_fields) of the copy are then stored with the entry, and kept for
 * content that a writer has not published yet. -ESTALE as answer_attributes().
 */
struct metadata_change {
	unsigned fields;
	int (*change)(void *self, struct meta *meta);
	void *self;
};
int metadata_change(struct fs *fs, struct inode *inode, pid_t tid,
		    const struct metadata_change *change);

/* Call when that user has changed the content of a private file. Unless the user is root, the file
 * loses the mode bits by which a program runs as the file's owner or group. */
void metadata_wrote(struct fs *fs, struct inode *inode, uid_t uid);

/*
 * Sets the entry's own end, given as a wish (end.h); none: it has no own end any more. With
 * XATTR_CREATE: -EEXIST if it has one, "never" included; with XATTR_REPLACE: -ENODATA if it has
 * none. A moment in the past waits while somebody has the file open, because the program that gave
 * it may go on to change the file by its name.
 */
int metadata_set_end(struct fs *fs, struct inode *inode, pid_t tid, struct end wish, int flags);

/*
 * For the last close of a file: gives the entry the end that waited for that close. Releases the
 * lock meanwhile, and opens of the name wait. False: nothing to do; the lock was not released.
 */
bool metadata_end_waiting_locked(struct fs *fs, struct inode *inode);

/*
 * The entry's own end, and the time at which it becomes a miss. Of a file that is not published
 * yet: the end that is wanted so far; a duration counts from now on. -ENOENT, or -ESTALE as
 * metadata_peek().
 */
int metadata_end(struct fs *fs, struct inode *inode, pid_t tid, struct end *own, struct end *end);

/* The metadata as stored (hits included), or of a file that is not published yet. 0; else as
 * answer_gone(). The caller ends *meta with meta_fini(). */
int metadata_peek(struct fs *fs, struct inode *inode, pid_t tid, struct meta *meta);

#endif
