/* See control_layers.h. */
#include "inspect/control_layers.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "inspect/control.h"
#include "verbs/escaped.h"
#include "inodes/key_escape.h"

enum { NOT_WRITABLE = ~0222 };

enum view_kind { VIEW_NAME, VIEW_ENTRY };

bool layer_view_name(struct fs *fs, size_t layer, struct escape_text *name)
{
	const char *text = layered_layer_name(fs->cache, layer);

	if (text)
		key_escape_text(key_of(text), name);
	return text;
}

/* The layer that shows as `text`. -ENOENT: none. */
static int find_layer(struct fs *fs, struct key text, size_t *layer)
{
	struct escape_text name;

	for (*layer = 0; layer_view_name(fs, *layer, &name); ++*layer)
		if (key_equal(key_make(name.bytes, name.size), text))
			return 0;
	return -ENOENT;
}

/* "1/a/b" is the key a/b of layer 1; "1" is all of it. */
static int split(struct key path, size_t *layer, struct key *key)
{
	const char *slash = memchr(path.bytes, '/', path.size);
	size_t size = slash ? (size_t)(slash - path.bytes) : path.size;

	*key = slash ? key_make(slash + 1, path.size - size - 1) : KEY_ROOT;
	*layer = 0;
	for (size_t i = 0; i < size; i++) {
		if (path.bytes[i] < '0' || path.bytes[i] > '9')
			return -ENOENT;
		*layer = *layer * 10 + (size_t)(path.bytes[i] - '0');
	}
	return 0;
}

static int find(struct fs *fs, size_t layer, struct key key, enum view_kind kind, bool *is_dir,
		struct meta *meta)
{
	*is_dir = kind == VIEW_NAME && key_can_hold(key) &&
		  (key.size == 0 || layered_layer_dir_stat(fs->cache, layer, key, meta) == 0);
	if (*is_dir)
		return 0;
	return key.size > 0 ? layered_layer_stat(fs->cache, layer, key, meta) : -ENOENT;
}

/*
 * What to show of "NUMBER/KEY"; there is always a mode. VIEW_NAME: a directory, if keys lie below,
 * else the entry. VIEW_ENTRY: the entry. 0 or -ENOENT.
 */
static int stat_path(struct fs *fs, struct key path, enum view_kind kind, struct meta *meta)
{
	size_t layer;
	struct key key;
	bool is_dir = false;
	int rc = split(path, &layer, &key);

	if (rc == 0)
		rc = find(fs, layer, key, kind, &is_dir, meta);
	if (rc == 0 && meta->mode == 0) {
		meta->mode = is_dir ? S_IFDIR | 0555 : S_IFREG | 0444;
		meta->uid = fs->uid;
		meta->gid = fs->gid;
	}
	meta->mode &= (uint32_t)NOT_WRITABLE;
	return rc;
}

static enum view_kind kind_of(const struct name *name)
{
	return name && name->is_own ? VIEW_ENTRY : VIEW_NAME;
}

/* An inode does not change its type: one that would have to is left behind. */
static struct inode *view_inode_locked(struct inodes *t, struct name *name, struct meta *meta)
{
	struct inode *inode = name->subdir;

	assert(lock_is_held(&t->lock));
	assert(!inode || inode->virtual_file == CONTROL_VIEW);
	if (inode && (inode->meta.mode & S_IFMT) != (meta->mode & S_IFMT)) {
		inode_detach_locked(t, inode);
		inode = NULL;
	}
	if (!inode)
		inode = inode_new_virtual_locked(t, &layer_view, CONTROL_VIEW, name);
	if (inode) {
		inodes_bury_meta_locked(t, &inode->meta);
		inode->meta = *meta;
		*meta = (struct meta){ 0 };
	}
	return inode;
}

/* What a name stands for; see escaped_resolve(). That of a layer for its number. */
static int resolve(struct fs *fs, struct inode *dir, struct key text, struct key_buffer *part)
{
	size_t layer;

	if (dir->virtual_file != CONTROL_LAYERS)
		return escaped_resolve(fs, dir, text, part);
	int rc = find_layer(fs, text, &layer);
	if (rc < 0)
		return rc;
	part->size = (size_t)snprintf(part->bytes, sizeof(part->bytes), "%zu", layer);
	return 1;
}

/* In `layers` or below. */
static int look_up(struct fs *fs, struct inode *dir, struct key text, pid_t tid,
		   struct attributes *out)
{
	struct inodes *t = &fs->inodes;
	struct meta meta = { 0 };
	struct key_buffer path;

	if (text.size > KEY_COMPONENT_MAX)
		return -ENAMETOOLONG;
	int rc = resolve(fs, dir, text, &path);
	if (rc < 0)
		return rc;
	inodes_lock(t);
	struct name *name = rc > 0 ? name_get_part_locked(t, dir, text,
							  key_make(path.bytes, path.size))
				   : name_get_locked(t, dir, text);
	rc = name ? name_key_locked(t, name, &path) : -ENOMEM;
	enum view_kind kind = kind_of(name);
	inodes_unlock(t);
	if (rc == 0)
		rc = stat_path(fs, key_make(path.bytes, path.size), kind, &meta);
	inodes_lock(t);
	struct inode *inode = rc == 0 ? view_inode_locked(t, name, &meta) : NULL;
	if (inode) {
		inode->lookups++;
		attributes_of_locked(fs, inode, tid, out);
	} else if (rc == 0) {
		rc = -ENOMEM;
	}
	inodes_bury_meta_locked(t, &meta);
	if (name)
		name_put_locked(t, name);
	inodes_unlock(t);
	return rc;
}

static int peek(struct fs *fs, struct inode *inode, pid_t tid, struct meta *meta)
{
	struct inodes *t = &fs->inodes;
	struct key_buffer path;

	(void)tid;
	inodes_lock(t);
	int rc = inode_key_locked(t, inode, &path);
	enum view_kind kind = kind_of(inode->name);
	inodes_unlock(t);
	return rc < 0 ? rc : stat_path(fs, key_make(path.bytes, path.size), kind, meta);
}

/* Metadata as they are now. */
static int refresh(struct fs *fs, struct inode *inode)
{
	struct inodes *t = &fs->inodes;
	struct meta meta = { 0 };
	int rc = peek(fs, inode, 0, &meta);

	inodes_lock(t);
	if (rc == 0 && (inode->meta.mode & S_IFMT) != (meta.mode & S_IFMT)) {
		rc = -ENOENT;
	} else if (rc == 0) {
		struct meta old = inode->meta;
		inode->meta = meta;
		meta = old;
	} else if (rc == -ENOENT && inode->readers > 0) {
		rc = 0; /* fstat of what is open */
	}
	inodes_bury_meta_locked(t, &meta);
	inodes_unlock(t);
	return rc;
}

static int layer_attributes(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out)
{
	int rc = refresh(fs, inode);

	if (rc < 0)
		return rc;
	inodes_lock(&fs->inodes);
	attributes_of_locked(fs, inode, tid, out);
	inodes_unlock(&fs->inodes);
	return 0;
}

static void layer_attributes_locked(struct fs *fs, struct inode *inode, pid_t tid,
				    struct attributes *out)
{
	struct key_buffer path;

	(void)tid;
	assert(lock_is_held(&fs->inodes.lock));
	assert(inode->kind == INODE_VIRTUAL && inode->virtual_file == CONTROL_VIEW);
	out->nlink = 1;
	out->attr_timeout_ms = out->entry_timeout_ms = 0;
	if (inode_key_locked(&fs->inodes, inode, &path) == 0)
		out->ino = inode_ino_of_key(key_make(path.bytes, path.size),
					    S_ISDIR(inode->meta.mode));
	attributes_of_undated(fs, &out->meta);
}

int layer_view_value(struct fs *fs, struct inode *inode, struct value **value)
{
	struct key_buffer path;
	struct meta meta = { 0 };
	size_t layer;
	struct key key;
	int rc = inode_key(&fs->inodes, inode, &path);

	if (rc == 0)
		rc = split(key_make(path.bytes, path.size), &layer, &key);
	if (rc == 0)
		rc = layered_layer_get(fs->cache, layer, key, value, &meta);
	if (rc == 0)
		meta_fini(&meta);
	return rc;
}

static int link_target(struct fs *fs, struct inode *inode, pid_t tid, struct value **target)
{
	(void)tid;
	return layer_view_value(fs, inode, target);
}

static int stat_entry(struct fs *fs, struct key path, struct meta *meta)
{
	return stat_path(fs, path, VIEW_ENTRY, meta);
}

static int list_children(struct fs *fs, struct key dir, struct key after, bool after_is_dir,
			 struct children *batch)
{
	size_t layer;
	struct key key;
	int rc = split(dir, &layer, &key);

	return rc < 0 ? rc : layered_layer_list(fs->cache, layer, key, after, after_is_dir, batch);
}

const struct view layer_view = { .attributes = layer_attributes,
				 .attributes_locked = layer_attributes_locked,
				 .peek = peek,
				 .link = link_target,
				 .lookup = look_up,
				 .stat = stat_entry,
				 .list = list_children };
