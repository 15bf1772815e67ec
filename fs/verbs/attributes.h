#ifndef CACHEFS_ATTRIBUTES_H
#define CACHEFS_ATTRIBUTES_H

/*
 * The attributes that stat shows of an inode in its present state, for replies to LOOKUP, CREATE,
 * SETATTR and the like. No function here asks a layer; the functions want the inode table's lock
 * held.
 */

#include "verbs/fs_state.h"
#include "verbs/view.h"

/* The attributes of an inode, for a reply to the kernel. */
struct attributes {
	struct inode *inode;
	struct meta meta; /* ended with meta_fini() */
	uint64_t ino;
	unsigned nlink;
	int64_t attr_timeout_ms;
	int64_t entry_timeout_ms;
};

/* tid: the thread that asks; 0: unknown. */
void attributes_of_locked(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out);

/* The attributes that the views of the cache's own inodes add (view.h). */
void attributes_of_directory_locked(struct fs *fs, struct inode *inode, pid_t tid,
				    struct attributes *out);
void attributes_of_file_locked(struct fs *fs, struct inode *inode, pid_t tid,
			       struct attributes *out);

/* For metadata without a time: sets the time at which the mount began. With 1970, programs that
 * clean up would remove the file as old. */
void attributes_of_undated(const struct fs *fs, struct meta *meta);

#endif
