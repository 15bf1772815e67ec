#ifndef CACHEFS_SCRATCH_EXPIRE_H
#define CACHEFS_SCRATCH_EXPIRE_H

/*
 * How scratch files go: what the layers have of one, and those whose time is over. Functions that
 * are _locked want the inode table's lock held, and release it while the layers are asked.
 */

#include "verbs/fs_state.h"

enum { SCRATCH_EXPIRE_BATCH = 64 };

/* The layers forget their copy of a scratch file. 0, also if there is none, or -errno. */
int scratch_withdraw(struct fs *fs, struct inode *inode);

/* Whether its time is over, and nobody writes it. */
bool scratch_is_expired_locked(const struct inode *inode);

/* If the time of the scratch file that has this name is over, it goes. Releases the lock then. */
void scratch_expire_locked(struct fs *fs, struct name *name);

/* Those whose time is over, SCRATCH_EXPIRE_BATCH of them at most, go; how many. */
size_t scratch_expire_some_locked(struct fs *fs);

/* It goes, and what the layers have of it, or an older one would show; the caller has a pin.
 * only_expired: unless its time is not over any more. */
void scratch_remove_locked(struct fs *fs, struct inode *inode, bool only_expired);

#endif
