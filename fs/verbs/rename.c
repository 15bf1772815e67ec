/* See rename.h. */
#include "verbs/rename.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/waiting.h"
#include "verbs/directory.h"
#include "verbs/scratch.h"

enum { WAIT_FOR_PUBLISH_MS = 30 * 1000 };

/* --- unlink ----------------------------------------------------------------------------------- */

struct unlinking {
	struct fs *fs;
	struct name *name;
	struct key_buffer key;
	bool had_pending;
};

/* All that presented the name goes: a pending set included, so that a stale fill cannot resurrect
 * the key. */
static void detach_all_locked(struct inodes *t, struct name *name)
{
	assert(lock_is_held(&t->lock));
	while (name->privates)
		inode_detach_locked(t, name->privates);
	if (name->version)
		inode_detach_locked(t, name->version);
}

static void unlink_done(void *self, int rc)
{
	struct unlinking *u = self;
	struct inodes *t = &u->fs->inodes;

	if (rc < 0 && rc != -ENOENT)
		return;
	inodes_lock(t);
	u->had_pending = name_pending_locked(u->name) != NULL;
	detach_all_locked(t, u->name);
	u->name->unlinked = true;
	u->name->dir->dir_mtime = time_now();
	name_touch_locked(t, u->name);
	inodes_unlock(t);
}

static int unlink_prepare(void *self)
{
	struct unlinking *u = self;
	struct inodes *t = &u->fs->inodes;

	inodes_lock(t);
	int rc = name_check_key_locked(t, u->name, key_make(u->key.bytes, u->key.size));
	inodes_unlock(t);
	return rc;
}

static int unlink_once(struct unlinking *u)
{
	const struct layered_hooks hooks = { unlink_prepare, unlink_done, u };
	struct inodes *t = &u->fs->inodes;

	inodes_lock(t);
	int rc = name_key_locked(t, u->name, &u->key);
	bool done = rc == 0 && scratch_unlink_locked(u->fs, u->name);
	inodes_unlock(t);
	if (rc < 0 || done)
		return rc;
	rc = layered_remove(u->fs->cache, key_make(u->key.bytes, u->key.size), &hooks);
	return rc == -ENOENT && u->had_pending ? 0 : rc;
}

int unlink_entry(struct fs *fs, struct inode *dir, struct key text)
{
	struct inodes *t = &fs->inodes;
	struct unlinking u = { .fs = fs };
	int rc;

	inodes_lock(t);
	u.name = name_get_locked(t, dir, text);
	inodes_unlock(t);
	do {
		rc = u.name ? unlink_once(&u) : -ENOMEM;
	} while (rc == -EAGAIN);
	inodes_lock(t);
	if (u.name)
		name_put_locked(t, u.name);
	inodes_unlock(t);
	return rc;
}

/* --- rename ----------------------------------------------------------------------------------- */

struct renaming {
	struct fs *fs;
	struct name *from, *to;
	struct key_buffer from_key, to_key;
	bool noreplace;
	bool scratch;         /* a scratch name is concerned, unless `from` is a directory */
	bool directory, file; /* what the kernel knows `from` for, if that is sure */
	bool marked;          /* the directory as moving, by prepare() */
	bool moved;           /* done() has moved something: a pending key may be all there is */
	int check;            /* of the keys, by done() */
};

static struct key key_in(const struct key_buffer *buffer)
{
	return key_make(buffer->bytes, buffer->size);
}

/* Whether there is anything under the key; *is_entry: a value. Or -errno: nobody can tell. */
static int exists(struct fs *fs, const struct key_buffer *key, bool *is_entry)
{
	struct meta meta = { 0 };
	int rc = layered_stat(fs->cache, key_in(key), &meta);

	*is_entry = rc == 0;
	if (rc == -ENOENT)
		rc = layered_dir_stat(fs->cache, key_in(key), &meta);
	meta_fini(&meta);
	return rc == 0 ? 1 : rc == -ENOENT ? 0 : rc;
}

static int check_keys_locked(const struct renaming *r)
{
	const struct inodes *t = &r->fs->inodes;
	int rc = name_check_key_locked(t, r->from, key_in(&r->from_key));

	assert(lock_is_held(&r->fs->inodes.lock));
	return rc < 0 ? rc : name_check_key_locked(t, r->to, key_in(&r->to_key));
}

static int rename_file_prepare(void *self)
{
	struct renaming *r = self;

	inodes_lock(&r->fs->inodes);
	int rc = check_keys_locked(r);
	bool pending = name_pending_locked(r->to) != NULL;
	inodes_unlock(&r->fs->inodes);
	if (rc < 0)
		return rc;
	bool is_entry;
	int there = pending ? 1 : r->noreplace ? exists(r->fs, &r->to_key, &is_entry) : 0;
	return there < 0 ? there : there && r->noreplace ? -EEXIST : 0;
}

/* Also when only a pending key moves (-ENOENT): the target's value stays until the writer closes.
 * Prepare was not asked then, and the layers may have been asked for an old key. */
static void rename_file_done(void *self, int rc)
{
	struct renaming *r = self;
	struct inodes *t = &r->fs->inodes;

	if (rc < 0 && rc != -ENOENT)
		return;
	inodes_lock(t);
	r->check = rc == -ENOENT ? check_keys_locked(r) : 0;
	if (rc == 0 || (r->check == 0 && name_pending_locked(r->from))) {
		name_move_files_locked(t, r->from, r->to, rc == 0);
		r->moved = true;
	}
	inodes_unlock(t);
}

/* Whatever is at an old key by now has an identity of its own. */
static int identity_prepare(void *self)
{
	const struct renaming *r = self;

	inodes_lock(&r->fs->inodes);
	int rc = check_keys_locked(r);
	inodes_unlock(&r->fs->inodes);
	return rc;
}

static void identity_done(void *self, int rc)
{
	struct renaming *r = self;

	inodes_lock(&r->fs->inodes);
	struct inode *version = r->from->version;
	if (rc == 0 && version && version->meta.ino == 0)
		version->meta.ino = version->ino;
	inodes_unlock(&r->fs->inodes);
}

/* An entry of another program shows a hash of its key: it gets that for good before its key
 * changes. */
static void keep_identity(struct renaming *r)
{
	const struct layered_hooks hooks = { identity_prepare, identity_done, r };
	struct meta meta = { 0 };

	inodes_lock(&r->fs->inodes);
	const struct inode *version = r->from->version;
	bool known = version != NULL;
	if (known)
		meta.ino = version->meta.ino;
	inodes_unlock(&r->fs->inodes);
	if (!known && layered_stat(r->fs->cache, key_in(&r->from_key), &meta) < 0)
		return;
	bool has_none = meta.ino == 0;
	meta_fini(&meta);
	if (!has_none)
		return;
	meta.ino = inode_ino_of_key(key_in(&r->from_key), false);
	layered_touch(r->fs->cache, key_in(&r->from_key), &meta, META_INO, &hooks);
}

static int rename_file(struct renaming *r)
{
	keep_identity(r);
	struct layered_hooks hooks = { rename_file_prepare, rename_file_done, r };
	int rc = layered_rename(r->fs->cache, key_in(&r->from_key), key_in(&r->to_key), &hooks);

	if (rc != -ENOENT)
		return rc;
	return r->moved ? 0 : r->check < 0 ? r->check : -ENOENT;
}

static void set_moving_locked(struct inodes *t, struct renaming *r, bool moving)
{
	assert(lock_is_held(&t->lock));
	r->marked = moving;
	assert(r->from->subdir->moving != moving && (moving || t->moving > 0));
	r->from->subdir->moving = moving;
	t->moving += moving ? 1u : -1u;
	inodes_changed_locked(t);
}

static int rename_directory_prepare(void *self)
{
	struct renaming *r = self;
	struct inodes *t = &r->fs->inodes;
	bool has_value;
	int there = exists(r->fs, &r->to_key, &has_value);

	inodes_lock(t);
	int rc = check_keys_locked(r);
	bool has_pending = r->to->subdir && directory_has_pending_locked(r->to->subdir);
	inodes_unlock(t);
	if (rc < 0)
		return rc;
	if (!key_can_hold(key_in(&r->to_key)))
		return -EINVAL;
	if (there < 0)
		return there;
	if (there) {
		if (r->noreplace)
			return -EEXIST;
		if (has_value || has_pending)
			return -ENOTEMPTY;
		int empty = layered_dir_is_empty(r->fs->cache, key_in(&r->to_key));
		if (empty <= 0)
			return empty < 0 ? empty : -ENOTEMPTY;
	}
	inodes_lock(t);
	if (r->from->subdir)
		set_moving_locked(t, r, true);
	inodes_unlock(t);
	return 0;
}

static void directory_moved_locked(struct inodes *t, struct renaming *r)
{
	assert(lock_is_held(&t->lock));
	struct inode *dir = r->from->subdir;
	if (r->to->subdir)
		directory_detach_locked(t, r->to->subdir);
	if (dir) {
		r->from->subdir = NULL;
		r->to->subdir = dir;
		inode_rename_locked(t, dir, r->to);
	}
	r->from->dir->dir_mtime = r->to->dir->dir_mtime = time_now();
	t->moves++;
	name_touch_locked(t, r->from);
	name_touch_locked(t, r->to);
}

/* It is at its new name in the same moment in which it moves no more: a lookup in between would say
 * that what is below is nowhere. */
static void rename_directory_done(void *self, int rc)
{
	struct renaming *r = self;
	struct inodes *t = &r->fs->inodes;

	inodes_lock(t);
	if (r->marked)
		set_moving_locked(t, r, false);
	if (rc == 0)
		directory_moved_locked(t, r);
	inodes_unlock(t);
}

static int rename_directory(struct renaming *r)
{
	struct layered_hooks hooks = { rename_directory_prepare, rename_directory_done, r };

	return layered_rename_prefix(r->fs->cache, key_in(&r->from_key), key_in(&r->to_key),
				     &hooks);
}

/* The source's last close may still be publishing under the old name. */
static int begin(struct renaming *r)
{
	struct inodes *t = &r->fs->inodes;

	inodes_lock(t);
	if (r->from->publishing > 0 || r->to->publishing > 0) {
		inodes_unlock(t);
		waiting_begin();
		struct deadline deadline = deadline_in(r->fs->time,
						       waiting_at_most(WAIT_FOR_PUBLISH_MS));
		inodes_lock(t);
		while ((r->from->publishing > 0 || r->to->publishing > 0) &&
		       inodes_wait_locked(t, &deadline))
			;
	}
	int rc = name_key_locked(t, r->from, &r->from_key);
	if (rc == 0)
		rc = name_key_locked(t, r->to, &r->to_key);
	bool presented = r->from->version || r->from->privates;
	r->directory = r->from->subdir && !presented;
	r->scratch = scratch_concerns_locked(r->fs, r->from, r->to);
	r->file = r->from->is_own || (presented && !r->from->subdir);
	inodes_unlock(t);
	return rc;
}

/* -EAGAIN: one of the keys is another one by now, or the file has become a scratch file. */
static int run_rename(struct renaming *r)
{
	struct meta meta = { 0 };
	int rc = begin(r);

	if (rc < 0)
		return rc;
	if (!r->directory && !r->file) {
		rc = layered_dir_stat(r->fs->cache, key_in(&r->from_key), &meta);
		r->directory = rc == 0;
		meta_fini(&meta);
		if (rc < 0 && rc != -ENOENT)
			return rc;
	}
	if (r->directory)
		return rename_directory(r);
	struct scratch_rename scratch = { r->from, r->to, key_in(&r->from_key), key_in(&r->to_key),
					  r->noreplace };
	return r->scratch ? scratch_rename(r->fs, &scratch) : rename_file(r);
}

int rename_entry(struct fs *fs, const struct rename_end *from, const struct rename_end *to,
		 unsigned flags)
{
	struct inodes *t = &fs->inodes;
	struct renaming *r;
	int rc = -ENOENT;

	if (flags & ~(unsigned)RENAME_NOREPLACE)
		return -EINVAL;
	r = malloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct renaming){ .fs = fs, .noreplace = flags & RENAME_NOREPLACE };
	inodes_lock(t);
	if (!from->dir->removed && !to->dir->removed) {
		r->from = name_get_locked(t, from->dir, from->name);
		r->to = name_get_locked(t, to->dir, to->name);
		rc = r->from && r->to ? 0 : -ENOMEM;
	}
	inodes_unlock(t);
	/* Of a name to itself: nothing, but the kernel asks if it finds another inode by the second
	 * look. */
	if (rc == 0 && r->from != r->to)
		do {
			rc = run_rename(r);
		} while (rc == -EAGAIN);
	inodes_lock(t);
	if (r->from)
		name_put_locked(t, r->from);
	if (r->to)
		name_put_locked(t, r->to);
	inodes_unlock(t);
	free(r);
	return rc;
}
