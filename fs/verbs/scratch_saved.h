#ifndef CACHEFS_SCRATCH_SAVED_H
#define CACHEFS_SCRATCH_SAVED_H

/*
 * Scratch files that were synced. No layer sees one before it is renamed, so that writing, syncing
 * and renaming is one set; meanwhile a file below state_dir has what was synced (saved.h), and it
 * becomes an entry at the next start after a crash.
 */

#include "verbs/fs_state.h"

/* fsync(2) of a scratch file. 0, -errno, or -EAGAIN: it is none any more. Waits. */
int scratch_save(struct fs *fs, struct inode *inode);

/* What was moved with a directory since it was synced is kept under its new name from now on. */
void scratch_save_moved(struct fs *fs);

/* Makes entries of what an earlier run has left. What cannot be stored now is kept for another
 * try. Waits. */
void scratch_saved_restore(struct fs *fs);

#endif
