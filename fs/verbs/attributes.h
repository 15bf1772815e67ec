#ifndef CACHEFS_ATTRIBUTES_H
#define CACHEFS_ATTRIBUTES_H

/*
 * What stat shows of an inode as it stands, for replies to LOOKUP, CREATE, SETATTR and the like.
 * Nothing here asks a layer; functions want the inode table's lock held.
 */

#include "verbs/fs_state.h"
#include "verbs/view.h"

/* What the kernel is told of an inode. */
struct attributes {
	struct inode *inode;
	struct meta meta; /* ended with meta_fini() */
	uint64_t ino;
	unsigned nlink;
	int64_t attr_timeout_ms;
	int64_t entry_timeout_ms;
};

/* tid: who asks; 0: unknown. */
void attributes_of_locked(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out);

/* What the views of the cache's own inodes add (view.h). */
void attributes_of_directory_locked(struct fs *fs, struct inode *inode, pid_t tid,
				    struct attributes *out);
void attributes_of_file_locked(struct fs *fs, struct inode *inode, pid_t tid,
			       struct attributes *out);

/* Nobody knows when it changed, but 1970 would have it cleaned up as old: it has the time at which
 * the mount began. */
void attributes_of_undated(const struct fs *fs, struct meta *meta);

#endif
