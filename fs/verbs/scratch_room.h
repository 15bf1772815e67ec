#ifndef CACHEFS_SCRATCH_ROOM_H
#define CACHEFS_SCRATCH_ROOM_H

/* Makes room for scratch files and for working copies: the files that rest longest are stored.
 * Functions wait (after waiting_begin()); call them with no lock held. */

#include "verbs/fs_state.h"

enum { SCRATCH_FILES_MAX = 65536 };

/*
 * Makes room for one more scratch file with this name in dir: the files that rest longest become
 * entries, whatever their age. 0 (also if the name has a scratch file already), or -ENOSPC.
 */
int scratch_admit(struct fs *fs, struct inode *dir, struct key text);

/* -ENOSPC if that user has half of the possible scratch files; else 0, and always for the mount's
 * owner. */
int scratch_admit_user(struct fs *fs, uid_t uid);

/* Likewise, for an open for writing that would make the inode a scratch file. */
int scratch_admit_open(struct fs *fs, struct inode *inode);

/*
 * Makes room for working copies to grow by that many bytes: the files that rest longest become
 * entries, or are dropped if no layer takes them. False: no room could be made.
 */
bool scratch_make_room(struct fs *fs, uint64_t bytes);

#endif
