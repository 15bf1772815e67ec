#ifndef CACHEFS_DIRECTORY_H
#define CACHEFS_DIRECTORY_H

/* Directories: prefixes of keys, with a marker where one was made or given attributes. */

#include "verbs/emptying.h"
#include "verbs/fs_state.h"

/* The extended attributes of a marker that mean something to the mount. */
#define DIRECTORY_XATTR_TTL "user.cachefs.ttl"
#define DIRECTORY_XATTR_RMDIR "user.cachefs.rmdir"

/* The marker's metadata, or empty metadata for a prefix without one. -ENOENT: no key is left below
 * it. */
int directory_stat(struct fs *fs, struct inode *dir, struct meta *meta);

/* The inode of a directory that is there, with what its marker says (empty: there is none). NULL: no
 * memory. */
struct inode *directory_inode_locked(struct inodes *t, struct name *name, const struct meta *meta);

/* Takes over what the marker says about TTL and rmdir. */
void directory_refresh_locked(struct inodes *t, struct inode *dir, const struct meta *meta);

/* Whether a key below it has no entry yet: written to, or a scratch file. */
bool directory_has_pending_locked(const struct inode *dir);

/* The group of what the caller makes in dir: that of a setgid directory, else the caller's own. */
gid_t directory_group(struct fs *fs, struct inode *dir, gid_t caller);

/* mkdir(2): 0, -EEXIST, -ENOENT (dir was removed), -errno of the layers. */
int directory_make(struct fs *fs, struct inode *dir, struct key name, const struct meta *meta);

/* rmdir(2): invalidate_prefix, as far as the caller may (emptying.h); or under empty_only
 * -ENOTEMPTY. */
int directory_remove(struct fs *fs, struct inode *dir, struct key name, const struct emptier *who);

/* The same whatever the policy says. */
int directory_invalidate(struct fs *fs, struct inode *dir, struct key name);

/*
 * All keys that begin with these bytes, of any directory, and the markers of such directories; who
 * writes one of them publishes nothing afterwards. The kernel is told. -ENOENT: there was nothing.
 */
int directory_invalidate_prefix(struct fs *fs, struct key prefix);

/*
 * Changes the marker (made if there is none) with `change`, under no lock; -errno of change ends
 * it. fields: what it changes; with META_TIMES the marker's time counts from now on, not that of
 * the last change of a child.
 */
int directory_update(struct fs *fs, struct inode *dir, unsigned fields,
		     int (*change)(void *self, struct meta *meta), void *self);

/*
 * Writes to their markers when directories last changed, which only their inodes know: of those
 * that nobody holds any more, which are freed then; of all (at the end of the mount). What has no
 * marker, a prefix that other programs made, gets none for that.
 */
void directory_save_times(struct fs *fs);
void directory_save_all_times(struct fs *fs);

/* Everything below the directory inode, and itself, has been removed. */
void directory_detach_locked(struct inodes *t, struct inode *dir);

#endif
