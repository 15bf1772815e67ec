#ifndef CACHEFS_SCRATCH_ROOM_H
#define CACHEFS_SCRATCH_ROOM_H

/* Room for scratch files and for working copies: the oldest at rest make it. Functions wait (after
 * waiting_begin()); call them with no lock held. */

#include "verbs/fs_state.h"

enum { SCRATCH_FILES_MAX = 65536 };

/*
 * Whether there is room for one more scratch file, by this name in dir; the oldest at rest become
 * entries for that, whatever their age. 0 (also if it is one already), or -ENOSPC.
 */
int scratch_admit(struct fs *fs, struct inode *dir, struct key text);

/* Whether that user has half of all that there may be; the mount's owner never has. Then -ENOSPC.
 */
int scratch_admit_user(struct fs *fs, uid_t uid);

/* The same for an open for writing of what would become one by that. */
int scratch_admit_open(struct fs *fs, struct inode *inode);

/*
 * Makes room for working copies to grow by so many bytes: the oldest files at rest become entries,
 * or are dropped if no layer takes them. False: there is none to be made.
 */
bool scratch_make_room(struct fs *fs, uint64_t bytes);

#endif
