#ifndef CACHEFS_DIRECTORY_H
#define CACHEFS_DIRECTORY_H

/* Directories: prefixes of keys. A directory that was made or given attributes has a marker. */

#include "verbs/emptying.h"
#include "verbs/fs_state.h"

/* The extended attributes of a marker that mean something to the mount. */
#define DIRECTORY_XATTR_TTL "user.cachefs.ttl"
#define DIRECTORY_XATTR_RMDIR "user.cachefs.rmdir"

/* The marker's metadata; empty metadata for a prefix without a marker. -ENOENT: there is no key
 * below the directory any more. */
int directory_stat(struct fs *fs, struct inode *dir, struct meta *meta);

/* The inode of a directory that exists, with the metadata of its marker (empty: no marker). NULL:
 * no memory. */
struct inode *directory_inode_locked(struct inodes *t, struct name *name, const struct meta *meta);

/* Copies TTL and rmdir policy from the marker's metadata to the inode. */
void directory_refresh_locked(struct inodes *t, struct inode *dir, const struct meta *meta);

/* True if a key below the directory has no entry yet: it is pending or a scratch file. */
bool directory_has_pending_locked(const struct inode *dir);

/* The group of a file that the caller makes in dir: the group of a setgid directory, else the
 * caller's own. */
gid_t directory_group(struct fs *fs, struct inode *dir, gid_t caller);

/* mkdir(2): 0, -EEXIST, -ENOENT (dir was removed), -errno of the layers. */
int directory_make(struct fs *fs, struct inode *dir, struct key name, const struct meta *meta);

/* rmdir(2): invalidates the prefix, as far as the caller may (emptying.h). Under the policy
 * empty_only: -ENOTEMPTY. */
int directory_remove(struct fs *fs, struct inode *dir, struct key name, const struct emptier *who);

/* Likewise, whatever the policy and the caller's permissions are. */
int directory_invalidate(struct fs *fs, struct inode *dir, struct key name);

/*
 * Removes all keys that begin with these bytes, in any directory, and the markers of such
 * directories. A writer of such a key publishes nothing afterwards. The kernel is notified.
 * -ENOENT: there was nothing.
 */
int directory_invalidate_prefix(struct fs *fs, struct key prefix);

/*
 * Changes the marker with `change`, which is called under no lock; -errno of change ends the
 * update. A missing marker is made. fields: what changes; with META_TIMES the marker's time counts
 * from now on, not the time of the last change of a child.
 */
int directory_update(struct fs *fs, struct inode *dir, unsigned fields,
		     int (*change)(void *self, struct meta *meta), void *self);

/*
 * Write the times of the last change of directories to their markers; only the inodes know these
 * times. directory_save_times(): of directories that nobody holds, which are then freed.
 * directory_save_all_times(): of all, at the end of the mount. A prefix without a marker, made by
 * other programs, gets no marker.
 */
void directory_save_times(struct fs *fs);
void directory_save_all_times(struct fs *fs);

/* Call when the directory inode and everything below it have been removed. */
void directory_detach_locked(struct inodes *t, struct inode *dir);

#endif
