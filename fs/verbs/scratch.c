/* See scratch.h. */
#include "verbs/scratch.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "verbs/publish.h"
#include "verbs/scratch_expire.h"
#include "verbs/scratch_name.h"
#include "verbs/scratch_room.h"
#include "verbs/scratch_saved.h"
#include "verbs/tell.h"

enum { ROOM_TRIES = 100 }; /* where pending_max_bytes is used up: others may take what was freed */

static struct inode *scratch_file_locked(const struct name *name)
{
	assert(lock_is_held(&name->dir->table->lock));
	return name->holder && inode_is_scratch(name->holder) ? name->holder : NULL;
}

/* Or they are about to. */
static bool layers_know_locked(const struct inode *file)
{
	assert(lock_is_held(&file->table->lock));
	return file->scratch.has_copy ||
	       __atomic_load_n(&file->content.in_flight, __ATOMIC_RELAXED);
}

/* --- coming into being ------------------------------------------------------------------------ */

struct adoption {
	struct fs *fs;
	struct inode *inode;
	struct key key; /* the one it had when it was found to have a scratch name */
	bool moved;     /* after that was checked again, to a real name */
};

static int adoption_prepare(void *self)
{
	struct adoption *a = self;
	int rc = inode_check_key(&a->fs->inodes, a->inode, a->key);

	return rc == -ENOENT ? -ECANCELED : rc;
}

/* The name has another file now, which the kernel did not do itself: it is told, and whoever asks
 * by the old file before that is led to the new one. */
static void supersede_locked(struct fs *fs, struct inode *adopted)
{
	struct inodes *t = &fs->inodes;
	struct name *name = adopted->name;
	struct inode *holder = name->holder != adopted ? name->holder : NULL;
	struct inode *version = name->version;

	assert(lock_is_held(&fs->inodes.lock));
	if ((holder && holder->lookups > 0) || (version && version->lookups > 0))
		tell_name_locked(fs, name);
	if (version)
		inode_retire_locked(t, version);
	inode_make_scratch_locked(t, adopted);
	if (holder)
		inode_supersede_locked(t, holder);
}

static void adoption_done(void *self, int rc)
{
	struct adoption *a = self;
	struct inodes *t = &a->fs->inodes;

	if (rc < 0 && rc != -ENOENT)
		return;
	inodes_lock(t);
	struct name *name = a->inode->name;
	a->moved = name && !scratch_has_name(a->fs, name);
	if (name && !a->moved && !inode_is_scratch(a->inode)) {
		supersede_locked(a->fs, a->inode);
		name_touch_locked(t, name);
	}
	inodes_unlock(t);
}

int scratch_adopt(struct fs *fs, struct inode *inode, struct key key)
{
	struct adoption a = { .fs = fs, .inode = inode, .key = key };
	struct layered_hooks hooks = { adoption_prepare, adoption_done, &a };
	int rc = layered_remove(fs->cache, key, &hooks);

	return a.moved ? -EAGAIN : rc == -ENOENT ? 0 : rc;
}

void scratch_reopen_locked(struct fs *fs, struct inode *inode)
{
	assert(lock_is_held(&fs->inodes.lock));
	if (!inode_is_private(inode) || !scratch_can_be_locked(fs, inode) ||
	    __atomic_load_n(&inode->content.in_flight, __ATOMIC_RELAXED))
		return;
	bool news = inode_has_news_locked(inode);
	supersede_locked(fs, inode);
	inode->scratch.has_copy = true;
	if (!news)
		__atomic_store_n(&inode->content.dirty, false, __ATOMIC_RELAXED);
	name_touch_locked(&fs->inodes, inode->name);
}

/* A scratch file of these bytes; nothing has its name. */
static int make_locked(struct fs *fs, struct name *name, const struct meta *meta,
		       struct value *value)
{
	struct inode *inode = inode_new_private_locked(&fs->inodes, name, meta, value, 0);

	assert(lock_is_held(&fs->inodes.lock));
	if (!inode)
		return -ENOMEM;
	inode->meta.size = value_size(value);
	inode_make_scratch_locked(&fs->inodes, inode);
	if (working_copy_hold(&inode->content.copy) == 0)
		return 0;
	inode_detach_locked(&fs->inodes, inode);
	return -ENOSPC;
}

/* -ENOSPC: pending_max_bytes is used up. */
static int make_symlink(struct fs *fs, struct name *name, const struct meta *meta,
			struct value *value)
{
	int rc = 0;

	inodes_lock(&fs->inodes);
	if (name->dir->removed)
		rc = -ENOENT;
	if (rc == 0 && (name->version || name_pending_locked(name)))
		rc = -EEXIST;
	if (rc == 0)
		rc = make_locked(fs, name, meta, value);
	if (rc == 0) {
		name->dir->dir_mtime = time_now();
		name_touch_locked(&fs->inodes, name);
	}
	inodes_unlock(&fs->inodes);
	return rc;
}

int scratch_symlink(struct fs *fs, struct name *name, const struct meta *meta, const char *target)
{
	struct value *value = value_copy(target, strlen(target));
	int rc = value ? scratch_admit(fs, name->dir, key_make(name->text, name->size)) : -ENOMEM;

	for (int tries = 0; rc == 0; tries++) {
		rc = make_symlink(fs, name, meta, value);
		if (rc != -ENOSPC || tries == ROOM_TRIES ||
		    !scratch_make_room(fs, value_size(value)))
			break;
		rc = 0;
	}
	value_unref(value);
	return rc;
}

/* --- unlink ----------------------------------------------------------------------------------- */

bool scratch_unlink_locked(struct fs *fs, struct name *name)
{
	struct inodes *t = &fs->inodes;

	assert(lock_is_held(&fs->inodes.lock));
	struct inode *file = scratch_file_locked(name);
	if (!file || layers_know_locked(file))
		return false;
	while (name->privates)
		inode_detach_locked(t, name->privates);
	name->dir->dir_mtime = time_now();
	name_touch_locked(t, name);
	return true;
}

/* --- rename ----------------------------------------------------------------------------------- */

bool scratch_concerns_locked(const struct fs *fs, const struct name *from, const struct name *to)
{
	assert(lock_is_held(&fs->inodes.lock));
	return scratch_file_locked(from) || scratch_has_name(fs, to);
}

/* Of the target, as far as the daemon knows it. */
static bool is_taken_locked(const struct name *name)
{
	assert(lock_is_held(&name->dir->table->lock));
	return name->version || name_pending_locked(name);
}

/* The entry that a scratch file has replaced, unless that is an entry by now. */
struct forgetting {
	struct fs *fs;
	const struct name *name;
};

static int forgetting_prepare(void *self)
{
	const struct forgetting *f = self;

	inodes_lock(&f->fs->inodes);
	const struct inode *file = scratch_file_locked(f->name);
	int rc = file && !file->scratch.has_copy ? 0 : -ECANCELED;
	inodes_unlock(&f->fs->inodes);
	return rc;
}

static void forget_entry(struct fs *fs, const struct name *name, struct key key)
{
	struct forgetting f = { fs, name };
	const struct layered_hooks hooks = { forgetting_prepare, NULL, &f };

	layered_remove(fs->cache, key, &hooks);
}

static bool replaces_entry_locked(const struct name *to)
{
	const struct inode *file = scratch_file_locked(to);

	assert(lock_is_held(&to->dir->table->lock));
	return to->version || (file && layers_know_locked(file));
}

/* From one scratch name to another: the layers do not hear of it, but for an entry that has the
 * name. */
static int move(struct fs *fs, const struct scratch_rename *r)
{
	struct inodes *t = &fs->inodes;
	bool replaces_entry = false;
	int rc = 0;

	inodes_lock(t);
	if (!scratch_file_locked(r->from))
		rc = -ENOENT;
	else if (layers_know_locked(r->from->holder))
		rc = -EAGAIN; /* it was not so a moment ago */
	else if (r->noreplace && is_taken_locked(r->to))
		rc = -EEXIST;
	if (rc == 0) {
		replaces_entry = replaces_entry_locked(r->to);
		name_move_files_locked(t, r->from, r->to, true);
	}
	inodes_unlock(t);
	if (replaces_entry)
		forget_entry(fs, r->to, r->to_key);
	return rc;
}

/* What was synced of the file has its new name from then on. */
static int move_and_save(struct fs *fs, const struct scratch_rename *r, struct inode *file)
{
	int rc = move(fs, r);

	inodes_lock(&fs->inodes);
	bool saved = rc == 0 && file->scratch.saved;
	inodes_unlock(&fs->inodes);
	if (saved)
		scratch_save(fs, file);
	return rc;
}

/*
 * An entry, or a key that is only pending, gets a scratch name: it leaves the layers. First it
 * becomes a scratch file where it is, then the layers forget it, then the file moves: so one of the
 * two names is always found, and if the layers fail it is what it was.
 */
struct taking {
	struct fs *fs;
	const struct scratch_rename *r;
	struct inode *file; /* pinned; NULL: not taken */
	bool was_published; /* its content */
	bool replaces_entry;
	uint64_t missing; /* bytes that there is no room for */
};

/* The scratch file: the working copy of its writers, or else the value. */
static int take_locked(struct taking *k, struct value *value, const struct meta *meta)
{
	struct inodes *t = &k->fs->inodes;
	struct name *name = k->r->from;
	struct inode *version = name->version;

	assert(lock_is_held(&k->fs->inodes.lock));
	k->was_published = value != NULL;
	if (!name->holder && !value)
		name->holder = name->privates; /* only pending, and nobody has joined it */
	if (!name->holder && version && inode_is_idle_locked(version) &&
	    meta_same_value(&version->meta, meta)) {
		inode_take_over_locked(t, version, value, 0);
		name->holder = version;
		working_copy_hold(&version->content.copy);
	} else if (version) {
		inode_retire_locked(t, version);
	}
	if (name->holder) {
		k->was_published = name->holder->published;
		inode_make_scratch_locked(t, name->holder);
	} else {
		int rc = make_locked(k->fs, name, meta, value);
		if (rc < 0)
			return rc;
	}
	k->file = name->holder;
	inode_pin_locked(k->file);
	name_touch_locked(t, name);
	return 0;
}

static int taking_prepare(void *self)
{
	struct taking *k = self;
	struct inodes *t = &k->fs->inodes;
	struct value *value = NULL;
	struct meta meta = { 0 };
	int rc = layered_get(k->fs->cache, k->r->from_key, GET_TO_CHANGE, &value, &meta);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	bool found = rc == 0;
	if (found && meta.ino == 0)
		meta.ino = inode_ino_of_key(k->r->from_key, false);
	inodes_lock(t);
	int check = name_check_key_locked(t, k->r->from, k->r->from_key);
	if (check < 0)
		rc = check;
	else if (scratch_file_locked(k->r->from))
		rc = -EAGAIN; /* a close made it one while we waited */
	else if (!found && !name_pending_locked(k->r->from))
		rc = -ENOENT;
	else if (k->r->noreplace && is_taken_locked(k->r->to))
		rc = -EEXIST;
	else if (found && value_size(value) > working_copies_left(&t->copies))
		rc = -ENOSPC;
	else
		rc = take_locked(k, value, &meta);
	if (rc == -ENOSPC && value_size(value) <= t->copies.max_bytes)
		k->missing = value_size(value);
	inodes_bury_meta_locked(t, &meta);
	inodes_unlock(t);
	value_unref(value);
	return rc;
}

/* It is the entry's again. What a writer has open it publishes once more. */
static void give_back_locked(struct taking *k)
{
	struct inode *file = k->file;

	assert(lock_is_held(&k->fs->inodes.lock));
	if (!inode_is_scratch(file)) /* unlinked meanwhile */
		return;
	file->published = k->was_published;
	if (inode_is_idle_locked(file))
		__atomic_store_n(&file->content.dirty, false, __ATOMIC_RELAXED);
	inode_end_scratch_locked(&k->fs->inodes, file);
}

static void taking_done(void *self, int rc)
{
	struct taking *k = self;
	struct inodes *t = &k->fs->inodes;
	struct name *from = k->r->from, *to = k->r->to;

	if (!k->file)
		return;
	inodes_lock(t);
	if (rc < 0 && rc != -ENOENT) {
		give_back_locked(k);
		name_touch_locked(t, from);
	} else if (from->holder == k->file) {
		if (from->version) /* who looked it up before may have found the entry since */
			inode_detach_locked(t, from->version);
		k->replaces_entry = replaces_entry_locked(to);
		name_move_files_locked(t, from, to, true);
	}
	inode_unpin_locked(t, k->file);
	inodes_unlock(t);
}

static int take(struct fs *fs, const struct scratch_rename *r)
{
	struct taking k = { .fs = fs, .r = r };
	struct layered_hooks hooks = { taking_prepare, taking_done, &k };
	int rc;

	for (int tries = 0;; tries++) {
		k.missing = 0;
		rc = layered_remove(fs->cache, r->from_key, &hooks);
		if (k.missing == 0 || tries == ROOM_TRIES || !scratch_make_room(fs, k.missing))
			break;
	}
	if (k.replaces_entry)
		forget_entry(fs, r->to, r->to_key);
	return rc == -ENOENT && k.file ? 0 : rc;
}

int scratch_rename(struct fs *fs, const struct scratch_rename *r)
{
	inodes_lock(&fs->inodes);
	struct inode *file = scratch_file_locked(r->from);
	if (file)
		inode_pin_locked(file);
	inodes_unlock(&fs->inodes);
	int rc = file ? scratch_withdraw(fs, file)
		      : scratch_admit(fs, r->to->dir, key_make(r->to->text, r->to->size));
	if (rc < 0)
		;
	else if (!file)
		rc = take(fs, r);
	else if (scratch_has_name(fs, r->to))
		rc = move_and_save(fs, r, file);
	else
		rc = publish_as(fs, file, r->to, r->to_key,
				r->noreplace ? PUBLISH_NOREPLACE : PUBLISH_REPLACE);
	inodes_lock(&fs->inodes);
	if (file && !inode_is_scratch(file) && rc == -ENOENT)
		rc = -EAGAIN; /* an entry by now, or gone */
	if (file)
		inode_unpin_locked(&fs->inodes, file);
	inodes_unlock(&fs->inodes);
	return rc;
}
