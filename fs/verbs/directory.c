/* See directory.h. */
#include "verbs/directory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kit/marker.h"
#include "verbs/ask.h"
#include "verbs/end_text.h"
#include "verbs/root_owner.h"
#include "verbs/tell.h"

bool directory_has_pending_locked(const struct inode *dir)
{
	assert(lock_is_held(&dir->table->lock));
	for (const struct name *n = dir->names; n; n = n->next)
		if (name_pending_locked(n) ||
		    (n->subdir && directory_has_pending_locked(n->subdir)))
			return true;
	return false;
}

static int stat_marker(struct fs *fs, struct inode *dir, struct meta *meta)
{
	struct inodes *t = &fs->inodes;
	struct key_buffer key;
	struct entry_ask ask = { .cache = fs->cache, .meta = meta };
	struct name_read read = {
		.t = t, .inode = dir, .ask = ask_marker, .self = &ask, .key = &key
	};

	inodes_lock(t);
	int rc = name_read_locked(&read);
	if (rc < 0 && !dir->removed && (dir == &t->root || directory_has_pending_locked(dir)))
		rc = 0;
	inodes_unlock(t);
	return rc;
}

int directory_stat(struct fs *fs, struct inode *dir, struct meta *meta)
{
	int rc = stat_marker(fs, dir, meta);

	if (rc == 0 && dir == &fs->inodes.root) {
		inodes_lock(&fs->inodes);
		root_owner_fill_locked(fs, meta);
		inodes_unlock(&fs->inodes);
	}
	return rc;
}

struct inode *directory_inode_locked(struct inodes *t, struct name *name, const struct meta *meta)
{
	struct inode *inode = name->subdir;

	assert(lock_is_held(&t->lock));
	if (!inode)
		inode = inode_new_dir_locked(t, name);
	if (inode)
		directory_refresh_locked(t, inode, meta);
	return inode;
}

void directory_refresh_locked(struct inodes *t, struct inode *dir, const struct meta *meta)
{
	size_t size;
	const void *bytes;
	struct meta old = dir->meta;

	assert(lock_is_held(&t->lock));
	meta_copy(&dir->meta, meta);
	inodes_bury_meta_locked(t, &old);
	dir->default_end = dir == &t->root ? t->root_end : end_none();
	bytes = xattrs_find(meta->xattrs, DIRECTORY_XATTR_TTL, &size);
	if (bytes)
		end_text_read_ttl(bytes, size, &dir->default_end);
	dir->dir_rmdir = -1;
	bytes = xattrs_find(meta->xattrs, DIRECTORY_XATTR_RMDIR, &size);
	if (bytes && size > 0)
		dir->dir_rmdir = ((const char *)bytes)[0] == 'e' ? RMDIR_EMPTY_ONLY
								 : RMDIR_INVALIDATE_PREFIX;
}

gid_t directory_group(struct fs *fs, struct inode *dir, gid_t caller)
{
	inodes_lock(&fs->inodes);
	gid_t group = dir->meta.mode & S_ISGID ? dir->meta.gid : caller;
	inodes_unlock(&fs->inodes);
	return group;
}

/* --- mkdir ------------------------------------------------------------------------------------ */

struct making {
	struct fs *fs;
	struct inode *dir; /* where */
	struct name *name;
	struct key_buffer key;
};

static int making_prepare(void *self)
{
	const struct making *m = self;
	struct key key = key_make(m->key.bytes, m->key.size);
	struct meta now = { 0 };

	inodes_lock(&m->fs->inodes);
	int rc = name_check_key_locked(&m->fs->inodes, m->name, key);
	bool pending = name_pending_locked(m->name);
	inodes_unlock(&m->fs->inodes);
	if (rc < 0)
		return rc;
	rc = pending ? 0 : layered_stat(m->fs->cache, key, &now);
	if (rc == -ENOENT)
		rc = layered_dir_stat(m->fs->cache, key, &now);
	meta_fini(&now);
	return rc == 0 ? -EEXIST : rc == -ENOENT ? 0 : rc;
}

static void making_done(void *self, int rc)
{
	struct making *m = self;

	if (rc < 0)
		return;
	inodes_lock(&m->fs->inodes);
	m->dir->dir_mtime = time_now();
	name_touch_locked(&m->fs->inodes, m->name);
	inodes_unlock(&m->fs->inodes);
}

static int make_once(struct making *m, const struct meta *meta)
{
	struct layered_hooks hooks = { making_prepare, making_done, m };
	struct inodes *t = &m->fs->inodes;

	inodes_lock(t);
	int rc = name_key_locked(t, m->name, &m->key);
	inodes_unlock(t);
	struct key key = key_make(m->key.bytes, m->key.size);
	if (rc == 0 && !key_can_hold(key))
		rc = -EINVAL;
	return rc == 0 ? layered_dir_set(m->fs->cache, key, meta, &hooks) : rc;
}

int directory_make(struct fs *fs, struct inode *dir, struct key text, const struct meta *meta)
{
	struct inodes *t = &fs->inodes;
	struct making m = { .fs = fs, .dir = dir };
	int rc;

	inodes_lock(t);
	m.name = dir->removed ? NULL : name_get_locked(t, dir, text);
	inodes_unlock(t);
	do {
		rc = m.name ? make_once(&m, meta) : -ENOENT;
	} while (rc == -EAGAIN);
	inodes_lock(t);
	if (m.name)
		name_put_locked(t, m.name);
	inodes_unlock(t);
	return rc;
}

/* --- the marker ------------------------------------------------------------------------------- */

/* A change of a directory's marker; all but `meta` is set up before it is admitted. */
struct marking {
	struct fs *fs;
	struct inode *dir;
	int (*change)(struct marking *marking);
	int (*edit)(void *self, struct meta *meta); /* of directory_update() */
	void *self;
	unsigned fields;
	struct key_buffer key;
	struct meta meta; /* the result */
	struct timespec saved;
};

/* -EAGAIN: renamed while we waited. */
static int marking_prepare(void *self)
{
	struct marking *m = self;
	struct inodes *t = &m->fs->inodes;

	inodes_lock(t);
	int rc = m->dir->removed
			 ? -ENOENT
			 : inode_check_key_locked(t, m->dir, key_make(m->key.bytes, m->key.size));
	inodes_unlock(t);
	if (rc == 0)
		rc = directory_stat(m->fs, m->dir, &m->meta);
	return rc == 0 ? m->change(m) : rc;
}

static void marking_done(void *self, int rc)
{
	struct marking *m = self;
	struct inode *dir = m->dir;

	if (rc < 0)
		return;
	inodes_lock(&m->fs->inodes);
	directory_refresh_locked(&m->fs->inodes, dir, &m->meta);
	if (dir == &m->fs->inodes.root && (m->fields & (META_MODE | META_OWNER)))
		root_owner_note_locked(m->fs, &m->meta);
	bool is_saved = dir->dir_mtime.tv_sec == m->saved.tv_sec &&
			dir->dir_mtime.tv_nsec == m->saved.tv_nsec;
	if ((m->fields & META_TIMES) || is_saved)
		dir->dir_mtime = (struct timespec){ 0 };
	inodes_unlock(&m->fs->inodes);
}

static int mark(struct marking *m)
{
	struct layered_hooks hooks = { marking_prepare, marking_done, m };
	int rc;

	do {
		meta_fini(&m->meta);
		rc = inode_key(&m->fs->inodes, m->dir, &m->key);
		if (rc == 0)
			rc = layered_dir_set(m->fs->cache, key_make(m->key.bytes, m->key.size),
					     &m->meta, &hooks);
	} while (rc == -EAGAIN);
	meta_fini(&m->meta);
	return rc;
}

static int change_by_edit(struct marking *m)
{
	if (m->meta.mode == 0) {
		/* The first attribute of a prefix that other programs made, or of the root. */
		fs_default_directory(m->fs, &m->meta, m->dir == &m->fs->inodes.root);
		if (m->meta.mtime.tv_sec == 0)
			m->meta.mtime = time_now();
	}
	int rc = m->edit(m->self, &m->meta);
	m->meta.ctime = time_now();
	return rc;
}

int directory_update(struct fs *fs, struct inode *dir, unsigned fields,
		     int (*change)(void *self, struct meta *meta), void *self)
{
	struct marking m = { .fs = fs,
			     .dir = dir,
			     .change = change_by_edit,
			     .edit = change,
			     .self = self,
			     .fields = fields };

	int rc = mark(&m);
	if (rc == 0 && dir == &fs->inodes.root && (fields & (META_MODE | META_OWNER)))
		root_owner_save(fs);
	return rc;
}

/* The root's marker may have no mode: then owner and mode stay those of whoever mounts. */
static int change_time(struct marking *m)
{
	inodes_lock(&m->fs->inodes);
	m->saved = m->dir->dir_mtime;
	inodes_unlock(&m->fs->inodes);
	if (m->saved.tv_sec == 0 || (m->meta.mode == 0 && m->dir != &m->fs->inodes.root))
		return -ECANCELED;
	m->meta.mtime = m->saved;
	if (time_is_later(&m->saved, &m->meta.ctime))
		m->meta.ctime = m->saved;
	return 0;
}

static void save_time(struct fs *fs, struct inode *dir)
{
	struct marking m = { .fs = fs, .dir = dir, .change = change_time };
	int rc = mark(&m);

	inodes_lock(&fs->inodes);
	if (rc < 0 && dir->lookups == 0)
		dir->dir_mtime = (struct timespec){ 0 }; /* given up, or it could not be freed */
	inode_unpin_locked(&fs->inodes, dir);
	inodes_unlock(&fs->inodes);
}

void directory_save_times(struct fs *fs)
{
	struct inode *dir;

	do {
		inodes_lock(&fs->inodes);
		dir = inodes_take_unsaved_locked(&fs->inodes);
		inodes_unlock(&fs->inodes);
		if (dir)
			save_time(fs, dir);
	} while (dir);
}

void directory_save_all_times(struct fs *fs)
{
	inodes_lock(&fs->inodes);
	for (struct inode *i = fs->inodes.all; i; i = i->next)
		inode_keep_unsaved_locked(&fs->inodes, i);
	inode_keep_unsaved_locked(&fs->inodes, &fs->inodes.root);
	inodes_unlock(&fs->inodes);
	directory_save_times(fs);
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
	assert(lock_is_held(&t->lock));
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
	const struct emptier *who; /* NULL: whoever may */
	bool empty_only;
	bool own_value; /* the key is an entry too, which shows in the directory */
	bool admitted;  /* and not refused */
};

static bool is_empty_only_locked(const struct fs *fs, const struct removal *r)
{
	const struct inode *dir = r->dir ? r->dir : r->parent;

	assert(lock_is_held(&fs->inodes.lock));
	while (dir->dir_rmdir < 0 && dir->name)
		dir = dir->name->dir;
	return (dir->dir_rmdir >= 0 ? dir->dir_rmdir : fs->conf->rmdir) == RMDIR_EMPTY_ONLY;
}

static int removal_prepare(void *self)
{
	struct removal *r = self;

	struct key key = key_make(r->key.bytes, r->key.size);
	struct meta meta = { 0 };

	inodes_lock(&r->fs->inodes);
	int rc = name_check_key_locked(&r->fs->inodes, r->name, key);
	if (rc == 0 && r->name->subdir != r->dir)
		rc = -EAGAIN; /* another one by now */
	inodes_unlock(&r->fs->inodes);
	if (rc < 0)
		return rc;
	rc = layered_stat(r->fs->cache, key, &meta);
	r->own_value = rc != -ENOENT; /* or nobody can tell */
	meta_fini(&meta);
	inodes_lock(&r->fs->inodes);
	bool pending = r->dir && directory_has_pending_locked(r->dir);
	inodes_unlock(&r->fs->inodes);
	if (!r->empty_only && r->who)
		rc = emptying_is_allowed(r->fs, key, r->who, pending || r->own_value);
	else
		rc = 0;
	if (rc < 0)
		return rc;
	int empty = 1;
	if (r->empty_only && (pending || r->own_value))
		empty = 0;
	else if (r->empty_only)
		empty = layered_dir_is_empty(r->fs->cache, key);
	r->admitted = empty > 0;
	return empty > 0 ? 0 : empty < 0 ? empty : -ENOTEMPTY;
}

static void removal_done(void *self, int rc)
{
	struct removal *r = self;
	struct inodes *t = &r->fs->inodes;

	/* -ENOENT of the layers: there may be nothing but what is pending. */
	if (!r->admitted || (rc < 0 && rc != -ENOENT))
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
		tell_all(r->fs);
}

static int remove_once(struct removal *r, bool anyway)
{
	struct layered_hooks hooks = { removal_prepare, removal_done, r };
	struct inodes *t = &r->fs->inodes;
	struct layered *cache = r->fs->cache;

	inodes_lock(t);
	int rc = name_key_locked(t, r->name, &r->key);
	r->dir = rc == 0 ? r->name->subdir : NULL;
	if (r->dir)
		inode_pin_locked(r->dir);
	r->empty_only = !anyway && is_empty_only_locked(r->fs, r);
	r->admitted = false;
	inodes_unlock(t);
	struct key key = key_make(r->key.bytes, r->key.size);
	struct key_buffer below;
	if (rc == 0) {
		rc = layered_remove_prefix(cache, marker_key(&below, key), &hooks);
		rc = rc == -ENOENT && r->admitted ? 0 : rc;
	}
	if (rc == 0 && r->own_value) {
		rc = layered_remove(cache, key, NULL);
		rc = rc == -ENOENT ? 0 : rc; /* its time was over */
	}
	inodes_lock(t);
	if (r->dir)
		inode_unpin_locked(t, r->dir);
	inodes_unlock(t);
	return rc;
}

static int remove_directory(struct fs *fs, struct inode *parent, struct key text,
			    const struct emptier *who, bool anyway)
{
	struct inodes *t = &fs->inodes;
	struct removal *r = malloc(sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	*r = (struct removal){ .fs = fs, .parent = parent, .who = who };
	inodes_lock(t);
	r->name = name_get_locked(t, parent, text);
	inodes_unlock(t);
	do {
		rc = r->name ? remove_once(r, anyway) : -ENOMEM;
	} while (rc == -EAGAIN);
	inodes_lock(t);
	if (r->name)
		name_put_locked(t, r->name);
	inodes_unlock(t);
	free(r);
	return rc;
}

int directory_remove(struct fs *fs, struct inode *dir, struct key name, const struct emptier *who)
{
	return remove_directory(fs, dir, name, who, false);
}

int directory_invalidate(struct fs *fs, struct inode *dir, struct key name)
{
	return remove_directory(fs, dir, name, NULL, true);
}

/* --- any prefix ------------------------------------------------------------------------------- */

/* An invalidation of all keys that begin with a prefix. */
struct clearing {
	struct fs *fs;
	struct key prefix;
	struct key_buffer key; /* of the name that is being looked at */
	bool pending;          /* it met what no layer has yet */
	bool had_names;        /* as in removal_done() */
};

static void clear_below_locked(struct clearing *c, struct inode *dir);

static void clear_name_locked(struct clearing *c, struct name *name)
{
	struct inodes *t = &c->fs->inodes;
	struct inode *dir = name->subdir;

	assert(lock_is_held(&c->fs->inodes.lock));
	if (name_key_locked(t, name, &c->key) < 0)
		return;
	struct key key = key_make(c->key.bytes, c->key.size);
	bool is_within = key_begins(key, c->prefix), holds_all = key_dir_begins(key, c->prefix);
	if (!is_within && !holds_all) {
		if (dir && key_is_below(c->prefix, key))
			clear_below_locked(c, dir);
		return;
	}
	if (dir) {
		c->pending |= directory_has_pending_locked(dir);
		c->had_names |= dir->names != NULL;
		directory_detach_locked(t, dir);
	}
	if (is_within) {
		c->pending |= name_pending_locked(name) != NULL;
		detach_name(t, name);
	}
	name_touch_locked(t, name);
	name->dir->dir_mtime = time_now();
	tell_name_locked(c->fs, name);
}

static void clear_below_locked(struct clearing *c, struct inode *dir)
{
	assert(lock_is_held(&c->fs->inodes.lock));
	for (struct name *n = dir->names, *next; n; n = next) {
		name_ref_locked(n);
		clear_name_locked(c, n);
		next = n->next;
		name_put_locked(&c->fs->inodes, n);
	}
}

static void clearing_done(void *self, int rc)
{
	struct clearing *c = self;

	if (rc < 0 && rc != -ENOENT)
		return;
	inodes_lock(&c->fs->inodes);
	clear_below_locked(c, &c->fs->inodes.root);
	inodes_unlock(&c->fs->inodes);
	if (c->had_names)
		tell_all(c->fs);
}

int directory_invalidate_prefix(struct fs *fs, struct key prefix)
{
	struct clearing *c = malloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct clearing){ .fs = fs, .prefix = prefix };
	const struct layered_hooks hooks = { NULL, clearing_done, c };
	int rc = layered_remove_prefix(fs->cache, prefix, &hooks);
	if (rc == -ENOENT && c->pending)
		rc = 0;
	free(c);
	return rc;
}
