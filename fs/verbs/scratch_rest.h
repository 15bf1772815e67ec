#ifndef CACHEFS_SCRATCH_REST_H
#define CACHEFS_SCRATCH_REST_H

/*
 * Scratch files that nobody renames. Who closes a file under a temporary name, and leaves it so,
 * has made a file like any other: after scratch_publish_s at rest (not empty, no writer, no lock)
 * it becomes an entry, and all that are not empty do when the daemon ends in order. What cannot be
 * stored stays a scratch file and is tried again. Opened for writing, such an entry is a scratch
 * file again.
 *
 * A lock (`*.lock`) that is stored stays a scratch file as well: the layers have a copy of it
 * (inode->has_copy), which they may evict.
 *
 * A thread looks after them. Functions wait (after waiting_begin()); call them with no lock held.
 */

#include "verbs/fs_state.h"

enum { SCRATCH_FILES_MAX = 65536 };

int scratch_rest_start(struct fs *fs); /* 0 or -errno */
/* Ends the thread, and stores what is left; what has to be dropped is named in the log. */
void scratch_rest_end(struct fs *fs);

/*
 * Whether there is room for one more scratch file, by this name in dir; the oldest at rest become
 * entries for that, whatever their age. 0 (also if it is one already), or -ENOSPC.
 */
int scratch_admit(struct fs *fs, struct inode *dir, struct key text);

/* Whether that user has half of all that there may be; the mount's owner never has. Then -ENOSPC. */
int scratch_admit_user(struct fs *fs, uid_t uid);

/* The same for an open for writing of what would become one by that. */
int scratch_admit_open(struct fs *fs, struct inode *inode);

/*
 * Makes room for working copies to grow by so many bytes: the oldest files at rest become entries,
 * or are dropped if no layer takes them. False: there is none to be made.
 */
bool scratch_make_room(struct fs *fs, uint64_t bytes);

/* If the time of the scratch file that has this name is over, it goes. Releases the lock then. */
void scratch_expire_locked(struct fs *fs, struct name *name);

/* After an open for writing: a private inode under a scratch name is a scratch file from now on,
 * and what the layers have is its copy as it was. */
void scratch_reopen_locked(struct fs *fs, struct inode *inode);

/* The layers forget their copy of a scratch file. 0, also if there is none, or -errno. */
int scratch_withdraw(struct fs *fs, struct inode *inode);

#endif
