#ifndef CACHEFS_RENAME_H
#define CACHEFS_RENAME_H

/* Changes of names: unlink and rename, of what is published and of what is only pending. */

#include "verbs/fs_state.h"

/* unlink(2): invalidates, and drops pending sets of the key. 0, -ENOENT, -errno of the layers. */
int unlink_entry(struct fs *fs, struct inode *dir, struct key name);

struct rename_end {
	struct inode *dir;
	struct key name;
};

/* rename(2), flags 0 or RENAME_NOREPLACE. Open handles follow their file. */
int rename_entry(struct fs *fs, const struct rename_end *from, const struct rename_end *to,
		 unsigned flags);

#endif
