#ifndef CACHEFS_LINK_H
#define CACHEFS_LINK_H

/* Symbolic links: entries whose value is the target. */

#include "verbs/fs_state.h"

/* The target; the caller gets a reference. 0; -ENOENT: the name does not lead to a link any more;
 * -ESTALE: the kernel shall look the name up again; -errno of the layers. Waits; call with no lock
 * held. */
int link_target(struct fs *fs, struct inode *inode, pid_t tid, struct value **target);

#endif
