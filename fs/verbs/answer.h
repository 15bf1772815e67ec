#ifndef CACHEFS_ANSWER_H
#define CACHEFS_ANSWER_H

/*
 * Requests on an inode without a handle (stat, chmod, truncate, ...): whether it presents what its
 * name leads to, and what it answers if it does not. Functions wait and want no lock held, but
 * those that are _locked.
 */

#include "verbs/attributes.h"

/* GETATTR. -ESTALE: the inode does not present what its name leads to, and nobody has it open. */
int answer_attributes(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out);

/* The same of the cache's own directories and files, for their views (cache_view.h). */
int answer_directory_attributes(struct fs *fs, struct inode *dir, pid_t tid,
				struct attributes *out);
int answer_file_attributes(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out);

/* Looks whether a version still is what its name leads to, and what its metadata are; retires it if
 * not. */
void answer_recheck(struct fs *fs, struct inode *inode);

/*
 * Whether a request on this file inode is to be served: it is current, or somebody has it open
 * (fstat looks the same as stat), or this is the thread's second try. Otherwise a ticket is out,
 * and the answer is -ESTALE.
 */
bool answer_serves_locked(struct fs *fs, struct inode *inode, pid_t tid);

/*
 * The layers have nothing under the name of this file inode, for a request as above. 0: it answers
 * for itself, because somebody has it open. -ENOENT: the name leads to nothing, which is sure if
 * the inode was what it led to, or if this is the second try. -ESTALE: a ticket is out.
 */
int answer_gone(struct fs *fs, struct inode *inode, pid_t tid);

#endif
