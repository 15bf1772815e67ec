#ifndef CACHEFS_LOOKUP_H
#define CACHEFS_LOOKUP_H

/* Where a name leads, and what stat shows. */

#include "verbs/fs_state.h"

/* What the kernel is told of an inode. */
struct attributes {
	struct inode *inode;
	struct meta meta; /* ended with meta_fini() */
	uint64_t ino;
	unsigned nlink;
	int64_t attr_timeout_ms;
	int64_t entry_timeout_ms;
};

/* LOOKUP: the inode comes with one lookup. -ENOENT: a miss (not counted here). */
int lookup(struct fs *fs, struct inode *dir, struct key name, pid_t tid, struct attributes *out);

/* Counts a LOOKUP's miss; takes it back when the same thread goes on to create the name. */
void lookup_missed(struct fs *fs, struct inode *dir, struct key name, pid_t tid);
void lookup_created(struct fs *fs, struct inode *dir, struct key name, pid_t tid);

/* GETATTR. -ESTALE: the inode does not present what its name leads to, and nobody has it open. */
int lookup_attributes(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out);

/* Looks whether a version still is what its name leads to, and what its metadata are; retires it if
 * not. */
void lookup_recheck(struct fs *fs, struct inode *inode);

/*
 * Whether a request without a handle (stat, chmod, truncate, ...) on this file inode is to be
 * served: it is current, or somebody has it open (fstat looks the same as stat), or this is the
 * thread's second try. Otherwise a ticket is out, and the answer is -ESTALE.
 */
bool lookup_answers_locked(struct fs *fs, struct inode *inode, pid_t tid);

/*
 * The layers have nothing under the name of this file inode, for a request as above. 0: it answers
 * for itself, because somebody has it open. -ENOENT: the name leads to nothing, which is sure if
 * the inode was what it led to, or if this is the second try. -ESTALE: a ticket is out.
 */
int lookup_gone(struct fs *fs, struct inode *inode, pid_t tid);

/* The attributes of an inode as it stands, for replies to CREATE, SETATTR and the like. */
void attributes_of_locked(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out);

/* A directory's inode with what its marker says. meta may be empty (no marker). */
struct inode *lookup_directory_locked(struct fs *fs, struct name *name, const struct meta *meta);

#endif
