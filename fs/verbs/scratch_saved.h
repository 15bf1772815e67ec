#ifndef CACHEFS_SCRATCH_SAVED_H
#define CACHEFS_SCRATCH_SAVED_H

/*
 * Scratch files that were synced. No layer sees a scratch file before its rename, so writing,
 * syncing and renaming is one set. Meanwhile a file below state_dir keeps the synced content
 * (saved.h). After a crash, the next start makes an entry of it.
 */

#include "verbs/fs_state.h"

/* fsync(2) of a scratch file. 0, -errno, or -EAGAIN: it is not a scratch file any more. Waits. */
int scratch_save(struct fs *fs, struct inode *inode);

/* Saves the synced files again whose directory was renamed since, under their new names. */
void scratch_save_moved(struct fs *fs);

/* Makes entries of the files that an earlier run has left. A file that cannot be stored now is kept
 * for another try. Waits. */
void scratch_saved_restore(struct fs *fs);

#endif
