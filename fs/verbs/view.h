#ifndef CACHEFS_VIEW_H
#define CACHEFS_VIEW_H

/*
 * A view shows a tree of names: the cache's keys (cache_view.h), or in `.cachefs` the cache itself
 * (the room inspect/). Each inode has a view from birth (inode->view), so a verb does not ask for
 * the tree. Functions return 0 or -errno and may wait, except those whose names end in _locked,
 * which want the inode table's lock held. All are thread-safe.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cache.h"

struct attributes;
struct fs;
struct inode;

struct view {
	/* GETATTR: the current attributes of the inode. The caller ends *out with meta_fini(). */
	int (*attributes)(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out);

	/* Likewise for the inode in its present state: fills in what attributes_of_locked() has
	 * not. */
	void (*attributes_locked)(struct fs *fs, struct inode *inode, pid_t tid,
				  struct attributes *out);

	/* The metadata that extended attributes show; the caller ends *meta. NULL: it has none. */
	int (*peek)(struct fs *fs, struct inode *inode, pid_t tid, struct meta *meta);

	/* The target of a symbolic link; the caller gets a reference. NULL: none is one. */
	int (*link)(struct fs *fs, struct inode *inode, pid_t tid, struct value **target);

	/* LOOKUP in a directory: the inode comes with one lookup. A miss is counted. NULL: there is
	 * no directory. */
	int (*lookup)(struct fs *fs, struct inode *dir, struct key name, pid_t tid,
		      struct attributes *out);

	/* Both functions below are NULL if no directory of this view holds keys. `key` is the
	 * answer of inode_key_locked() for such a directory. */

	/* The metadata of the entry under the key, never of a directory. -ENOENT: there is none. */
	int (*stat)(struct fs *fs, struct key key, struct meta *meta);

	/* The children of a directory, as list() of struct backend. */
	int (*list)(struct fs *fs, struct key dir, struct key after, bool after_is_dir,
		    struct children *batch);
};

#endif
