#ifndef CACHEFS_ANSWER_H
#define CACHEFS_ANSWER_H

/*
 * Requests on an inode without a handle (stat, chmod, truncate, ...): whether the inode presents
 * what its name leads to, and how it answers if it does not. The functions wait and want no lock
 * held, except those whose names end in _locked.
 */

#include "verbs/attributes.h"

/* GETATTR. -ESTALE: the inode does not present what its name leads to, and nobody has the inode
 * open. */
int answer_attributes(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out);

/* GETATTR of the cache's own directories and files, for their views (cache_view.h). */
int answer_directory_attributes(struct fs *fs, struct inode *dir, pid_t tid,
				struct attributes *out);
int answer_file_attributes(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out);

/* Asks the layers whether a version still is what its name leads to, and for its metadata. Retires
 * the version if it is not. */
void answer_recheck(struct fs *fs, struct inode *inode);

/*
 * True if a request on this file inode is to be served: the inode is current, or somebody has it
 * open (fstat shows the same as stat), or this is the thread's second try. Otherwise the thread has
 * a ticket now, and the answer is -ESTALE.
 */
bool answer_serves_locked(struct fs *fs, struct inode *inode, pid_t tid);

/*
 * For such a request, when the layers have nothing under the name of this file inode. 0: the inode
 * answers for itself, because somebody has it open. -ENOENT: the name leads to nothing; this is
 * sure if the inode was what the name led to, or at the second try. -ESTALE: the thread has a
 * ticket now.
 */
int answer_gone(struct fs *fs, struct inode *inode, pid_t tid);

#endif
