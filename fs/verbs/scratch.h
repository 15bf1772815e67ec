#ifndef CACHEFS_SCRATCH_H
#define CACHEFS_SCRATCH_H

/*
 * Scratch names: the temporary names under which programs write a file before they rename it to the
 * name they mean. A file under such a name is a *scratch file*: a private inode that no close
 * publishes and that stays after its last close, for some time: see scratch_rest.h. Until then it
 * lives in the daemon alone (its content is a working copy, bounded by pending_max_bytes) and does
 * what a local file does: everybody reads what has been written so far, all who open it share it.
 * Its rename to another name is the one set, with its metadata (publish_as()). Directories are
 * never scratch, whatever they are called.
 *
 * An entry that has such a name already (another program's, or from before the name was a scratch
 * name) is an entry until it is opened for writing; what is closed then leaves the layers.
 */

#include "verbs/fs_state.h"

/*
 * A private inode of a name that is a scratch name is to be published: it becomes the scratch file
 * instead, and what the layers have under the name goes. key: what it had when it was found to have
 * such a name. As publish(), or -EAGAIN: it was renamed meanwhile.
 */
int scratch_adopt(struct fs *fs, struct inode *inode, struct key key);

/* After an open for writing: a private inode under a scratch name is a scratch file from now on,
 * and what the layers have is its copy as it was. */
void scratch_reopen_locked(struct fs *fs, struct inode *inode);

/* A symbolic link under a scratch name that nothing has. -EEXIST, -ENOSPC, -ENOMEM. */
int scratch_symlink(struct fs *fs, struct name *name, const struct meta *meta, const char *target);

/*
 * rename(2) with a scratch name at one end or both; `from` is no directory. The references to the
 * names are the caller's. Readers find the file under one of the names at every instant. -EAGAIN:
 * it became a scratch file meanwhile, or a name has another key by now.
 */
struct scratch_rename {
	struct name *from, *to;
	struct key from_key, to_key;
	bool noreplace;
};
bool scratch_concerns_locked(const struct fs *fs, const struct name *from, const struct name *to);
int scratch_rename(struct fs *fs, const struct scratch_rename *r);

/* unlink(2) of a scratch file; false: the name leads to none, or the layers know of it too. */
bool scratch_unlink_locked(struct fs *fs, struct name *name);

#endif
