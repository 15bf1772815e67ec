/* See directory.h. */
#include "directory.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool directory_has_pending_locked(const struct inode *dir)
{
	for (const struct name *n = dir->names; n; n = n->next)
		if (name_pending_locked(n) ||
		    (n->subdir && directory_has_pending_locked(n->subdir)))
			return true;
	return false;
}

static int key_of_directory(struct fs *fs, struct inode *dir, struct key_buffer *key)
{
	inodes_lock(&fs->inodes);
	int rc = dir->removed ? -ENOENT : inode_key_locked(&fs->inodes, dir, key);
	inodes_unlock(&fs->inodes);
	return rc;
}

int directory_stat(struct fs *fs, struct inode *dir, struct meta *meta)
{
	struct key_buffer key;
	int rc = key_of_directory(fs, dir, &key);

	if (rc < 0)
		return rc;
	rc = layered_dir_stat(fs->cache, key_make(key.bytes, key.size), meta);
	if (rc == 0)
		return 0;
	inodes_lock(&fs->inodes);
	if (dir == &fs->inodes.root || directory_has_pending_locked(dir))
		rc = 0;
	inodes_unlock(&fs->inodes);
	*meta = (struct meta){ 0 };
	return rc;
}

void directory_refresh_locked(struct inodes *t, struct inode *dir, const struct meta *meta)
{
	char text[32];
	size_t size;
	const void *bytes;
	struct meta old = dir->meta;

	meta_copy(&dir->meta, meta);
	inodes_bury_meta_locked(t, &old);
	dir->dir_ttl_ms = -1;
	bytes = xattrs_find(meta->xattrs, DIRECTORY_XATTR_TTL, &size);
	if (bytes && size < sizeof(text)) {
		memcpy(text, bytes, size);
		text[size] = '\0';
		dir->dir_ttl_ms = (int64_t)llround(strtod(text, NULL) * 1000);
	}
	dir->dir_rmdir = -1;
	bytes = xattrs_find(meta->xattrs, DIRECTORY_XATTR_RMDIR, &size);
	if (bytes && size > 0)
		dir->dir_rmdir = ((const char *)bytes)[0] == 'e' ? RMDIR_EMPTY_ONLY
								 : RMDIR_INVALIDATE_PREFIX;
}

int directory_make(struct fs *fs, struct inode *dir, struct key text, const struct meta *meta)
{
	struct inodes *t = &fs->inodes;
	struct key_buffer key;
	struct meta now = { 0 };

	inodes_lock(t);
	struct name *name = dir->removed ? NULL : name_get_locked(t, dir, text);
	int rc = name ? name_key_locked(t, name, &key) : -ENOENT;
	bool pending = rc == 0 && name_pending_locked(name);
	inodes_unlock(t);
	struct key k = key_make(key.bytes, key.size);
	if (rc == 0 && !key_can_hold(k))
		rc = -EINVAL;
	if (rc == 0 && (pending || layered_stat(fs->cache, k, &now) == 0 ||
			layered_dir_stat(fs->cache, k, &now) == 0))
		rc = -EEXIST;
	meta_fini(&now);
	if (rc == 0)
		rc = layered_dir_set(fs->cache, k, meta);
	inodes_lock(t);
	if (rc == 0) {
		dir->dir_mtime = time_now();
		name_touch_locked(t, name);
	}
	if (name)
		name_put_locked(t, name);
	inodes_unlock(t);
	return rc;
}

int directory_update(struct fs *fs, struct inode *dir, unsigned fields,
		     int (*change)(void *self, struct meta *meta), void *self)
{
	struct key_buffer key;
	struct meta meta = { 0 };
	int rc = directory_stat(fs, dir, &meta);

	if (rc == 0)
		rc = key_of_directory(fs, dir, &key);
	if (rc == 0 && meta.mode == 0) {
		/* The first attribute of a prefix that other programs made. */
		meta.mode = S_IFDIR | (0777 & ~fs->umask);
		meta.uid = fs->uid;
		meta.gid = fs->gid;
		meta.mtime = time_now();
	}
	if (rc == 0)
		rc = change(self, &meta);
	if (rc == 0) {
		meta.ctime = time_now();
		rc = layered_dir_set(fs->cache, key_make(key.bytes, key.size), &meta);
	}
	if (rc == 0) {
		inodes_lock(&fs->inodes);
		directory_refresh_locked(&fs->inodes, dir, &meta);
		if (fields & META_TIMES)
			dir->dir_mtime = (struct timespec){ 0 };
		inodes_unlock(&fs->inodes);
	}
	meta_fini(&meta);
	return rc;
}

/* --- rmdir ------------------------------------------------------------------------------------ */

static void detach_name(struct inodes *t, struct name *name)
{
	while (name->privates)
		inode_detach_locked(t, name->privates);
	if (name->version)
		inode_detach_locked(t, name->version);
	if (name->subdir) {
		name->subdir->removed = true;
		inode_detach_locked(t, name->subdir);
	}
	name_touch_locked(t, name);
}

void directory_detach_locked(struct inodes *t, struct inode *dir)
{
	inode_walk_locked(dir, detach_name, t);
	dir->removed = true;
	inode_detach_locked(t, dir);
}

struct removal {
	struct fs *fs;
	struct inode *parent;
	struct inode *dir; /* pinned; NULL: nobody has looked it up */
	struct name *name;
	struct key_buffer key;
	bool empty_only;
	bool own_value; /* the key is an entry too, which shows in the directory */
};

static bool is_empty_only_locked(const struct fs *fs, const struct removal *r)
{
	const struct inode *dir = r->dir ? r->dir : r->parent;

	while (dir->dir_rmdir < 0 && dir->name)
		dir = dir->name->dir;
	return (dir->dir_rmdir >= 0 ? dir->dir_rmdir : fs->conf->rmdir) == RMDIR_EMPTY_ONLY;
}

static int removal_prepare(void *self)
{
	struct removal *r = self;

	struct key key = key_make(r->key.bytes, r->key.size);
	struct meta meta = { 0 };

	r->own_value = layered_stat(r->fs->cache, key, &meta) == 0;
	meta_fini(&meta);
	if (!r->empty_only)
		return 0;
	inodes_lock(&r->fs->inodes);
	bool pending = r->dir && directory_has_pending_locked(r->dir);
	inodes_unlock(&r->fs->inodes);
	if (pending || r->own_value || !layered_dir_is_empty(r->fs->cache, key))
		return -ENOTEMPTY;
	return 0;
}

static void removal_done(void *self, int rc)
{
	struct removal *r = self;
	struct inodes *t = &r->fs->inodes;

	if (rc < 0)
		return;
	inodes_lock(t);
	bool had_names = r->dir && r->dir->names;
	if (r->dir && !r->dir->removed)
		directory_detach_locked(t, r->dir);
	r->parent->dir_mtime = time_now();
	name_touch_locked(t, r->name);
	inodes_unlock(t);
	/* Children that somebody holds (an open file, a working directory) would be found in the
	 * kernel's cache. */
	if (had_names)
		notifier_inval_all(r->fs->notifier);
}

static int remove_directory(struct fs *fs, struct inode *parent, struct key text, bool anyway)
{
	struct inodes *t = &fs->inodes;
	struct removal *r = malloc(sizeof(*r));

	if (!r)
		return -ENOMEM;
	*r = (struct removal){ .fs = fs, .parent = parent };
	inodes_lock(t);
	r->name = name_get_locked(t, parent, text);
	int rc = r->name ? name_key_locked(t, r->name, &r->key) : -ENOMEM;
	if (rc == 0) {
		r->dir = r->name->subdir;
		if (r->dir)
			inode_pin_locked(r->dir);
		r->empty_only = !anyway && is_empty_only_locked(fs, r);
	}
	inodes_unlock(t);
	if (rc == 0) {
		struct layered_hooks hooks = { removal_prepare, removal_done, r };
		struct key key = key_make(r->key.bytes, r->key.size);
		rc = layered_remove_prefix(fs->cache, key, &hooks);
		if (rc == 0 && r->own_value)
			rc = layered_remove(fs->cache, key, NULL);
	}
	inodes_lock(t);
	if (r->dir)
		inode_unpin_locked(t, r->dir);
	if (r->name)
		name_put_locked(t, r->name);
	inodes_unlock(t);
	free(r);
	return rc;
}

int directory_remove(struct fs *fs, struct inode *dir, struct key name)
{
	return remove_directory(fs, dir, name, false);
}

int directory_invalidate(struct fs *fs, struct inode *dir, struct key name)
{
	return remove_directory(fs, dir, name, true);
}
