#ifndef CACHEFS_METADATA_H
#define CACHEFS_METADATA_H

/* Changes of a file's metadata: chmod, chown, utimens, extended attributes, TTL. */

#include "verbs/fs_state.h"

/*
 * change() edits a copy of the metadata (called with no lock held; a negative errno ends it), of
 * which `fields` (enum meta_fields) are then stored with the entry, and kept for what a writer has
 * not published yet. -ESTALE as answer_attributes().
 */
struct metadata_change {
	unsigned fields;
	int (*change)(void *self, struct meta *meta);
	void *self;
};
int metadata_change(struct fs *fs, struct inode *inode, pid_t tid,
		    const struct metadata_change *change);

/* The content of a private file was changed by that user: unless it was root, the file is no
 * program any more that runs as its owner or its group. */
void metadata_wrote(struct fs *fs, struct inode *inode, uid_t uid);

/*
 * The entry's own end, as a wish (end.h); none: it has none any more. With XATTR_CREATE -EEXIST if
 * it has one, "never" included; with XATTR_REPLACE -ENODATA if it has none. A moment that is over
 * waits while somebody has the file open: whoever gave it may go on to change the file by its name.
 */
int metadata_set_end(struct fs *fs, struct inode *inode, pid_t tid, struct end wish, int flags);

/*
 * For the last close of a file: gives the entry the end that waited for that. Drops the lock
 * meanwhile, and opens of the name wait. False: nothing to do, and it did not.
 */
bool metadata_end_waiting_locked(struct fs *fs, struct inode *inode);

/*
 * The entry's own end, and when it is a miss. Of a file that is not published yet: what is asked
 * for so far, a duration counted from now on. -ENOENT, or -ESTALE as metadata_peek().
 */
int metadata_end(struct fs *fs, struct inode *inode, pid_t tid, struct end *own, struct end *end);

/* The metadata as stored (hits included), or of what is not published yet. 0; else as
 * answer_gone(). Ended with meta_fini(). */
int metadata_peek(struct fs *fs, struct inode *inode, pid_t tid, struct meta *meta);

#endif
