#ifndef CACHEFS_SCRATCH_H
#define CACHEFS_SCRATCH_H

/*
 * Scratch names: the temporary names under which programs write a file before they rename it to its
 * real name. A file under such a name is a *scratch file*: a private inode that no close publishes
 * and that stays for some time after its last close (scratch_rest.h). Until then the file lives
 * only in the daemon (its content is a working copy, bounded by pending_max_bytes) and behaves like
 * a local file: everybody reads what has been written so far, and all who open it share it. Its
 * rename to another name is the one set, with its metadata (publish_as()). Directories are never
 * scratch, whatever their names are.
 *
 * An entry that has such a name already (made by another program, or before the name was a scratch
 * name) is an entry until it is opened for writing; a close after that removes it from the layers.
 */

#include "verbs/fs_state.h"

/*
 * For a private inode that is to be published and has a scratch name: it becomes a scratch file
 * instead, and the layers remove their entry of the name. key: the inode's key when its scratch
 * name was found. As publish(), or -EAGAIN: it was renamed meanwhile.
 */
int scratch_adopt(struct fs *fs, struct inode *inode, struct key key);

/* Call after an open for writing: a private inode under a scratch name becomes a scratch file, and
 * the layers' entry is its copy in the old state. */
void scratch_reopen_locked(struct fs *fs, struct inode *inode);

/* Makes a symbolic link under a scratch name that is free. -EEXIST, -ENOENT, -ENOSPC, -ENOMEM. */
int scratch_symlink(struct fs *fs, struct name *name, const struct meta *meta, const char *target);

/*
 * rename(2) with a scratch name at one end or both; `from` is no directory. The caller has
 * references to the names. At every instant readers find the file under one of the names. -EAGAIN:
 * it became a scratch file meanwhile, or a name has another key by now.
 */
struct scratch_rename {
	struct name *from, *to;
	struct key from_key, to_key;
	bool noreplace;
};
bool scratch_concerns_locked(const struct fs *fs, const struct name *from, const struct name *to);
int scratch_rename(struct fs *fs, const struct scratch_rename *r);

/* unlink(2) of a scratch file. False: the name leads to none, or the layers know the file, too. */
bool scratch_unlink_locked(struct fs *fs, struct name *name);

#endif
