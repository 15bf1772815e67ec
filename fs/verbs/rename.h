#ifndef CACHEFS_RENAME_H
#define CACHEFS_RENAME_H

/* Changes of names: unlink and rename, of published and of only pending files. */

#include "verbs/fs_state.h"

/* unlink(2): invalidates the key and drops its pending sets. 0, -ENOENT, -errno of the layers. */
int unlink_entry(struct fs *fs, struct inode *dir, struct key name);

struct rename_end {
	struct inode *dir;
	struct key name;
};

/* rename(2), flags 0 or RENAME_NOREPLACE. Open handles follow their file. */
int rename_entry(struct fs *fs, const struct rename_end *from, const struct rename_end *to,
		 unsigned flags);

#endif
