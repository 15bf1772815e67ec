#ifndef CACHEFS_SCRATCH_EXPIRE_H
#define CACHEFS_SCRATCH_EXPIRE_H

/*
 * Removes scratch files whose time is over, and the layers' copies of scratch files. Functions
 * whose names end in _locked want the inode table's lock held, and release it while the layers are
 * asked.
 */

#include "verbs/fs_state.h"

enum { SCRATCH_EXPIRE_BATCH = 64 };

/* The layers remove their copy of a scratch file. 0, also without a copy, or -errno. */
int scratch_withdraw(struct fs *fs, struct inode *inode);

/* True if the file's time is over and nobody writes it. */
bool scratch_is_expired_locked(const struct inode *inode);

/* Removes the scratch file of this name if its time is over. Releases the lock then. */
void scratch_expire_locked(struct fs *fs, struct name *name);

/* Removes scratch files whose time is over, at most SCRATCH_EXPIRE_BATCH. Their number. */
size_t scratch_expire_some_locked(struct fs *fs);

/* Removes a scratch file and the layers' copy; otherwise an older entry would show. The caller has
 * a pin. only_expired: only if its time is still over. */
void scratch_remove_locked(struct fs *fs, struct inode *inode, bool only_expired);

#endif
