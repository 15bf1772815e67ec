#ifndef CACHEFS_LOOKUP_H
#define CACHEFS_LOOKUP_H

/* Finds the inode to which a name leads. */

#include "verbs/attributes.h"

/* LOOKUP: the inode comes with one lookup. -ENOENT: a miss (not counted here). */
int lookup(struct fs *fs, struct inode *dir, struct key name, pid_t tid, struct attributes *out);

/* Count a LOOKUP's miss; lookup_created() takes it back when the same thread goes on to create the
 * name. */
void lookup_missed(struct fs *fs, struct inode *dir, struct key name, pid_t tid);
void lookup_created(struct fs *fs, struct inode *dir, struct key name, pid_t tid);

#endif
