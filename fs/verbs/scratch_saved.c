/* See scratch_saved.h. */
#include "verbs/scratch_saved.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/waiting.h"
#include "inodes/saved.h"

enum { PART = 256 * 1024, NAME_SHOWN = 200 };

/* --- fsync ------------------------------------------------------------------------------------ */

/* What has changed since it was saved last, or all. */
static struct range take_range(struct inode *inode, bool all)
{
	struct working_copy *copy = &inode->content.copy;

	inode_content_lock(inode);
	struct range range = working_copy_take_changed(copy);
	if (all)
		range = (struct range){ 0, copy->size };
	if (range.end > copy->size)
		range.end = copy->size;
	inode_content_unlock(inode);
	return range;
}

static int copy_range(struct inode *inode, struct saved *saved, struct range range)
{
	uint8_t *buffer = malloc(PART);
	int rc = buffer ? 0 : -ENOMEM;

	while (rc == 0 && range.begin < range.end) {
		uint64_t left = range.end - range.begin;
		inode_content_lock(inode);
		ssize_t n = working_copy_read(&inode->content.copy, buffer,
					      left < PART ? (size_t)left : PART, range.begin);
		inode_content_unlock(inode);
		if (n <= 0) { /* it has been cut meanwhile */
			rc = (int)n;
			break;
		}
		rc = saved_write(saved, buffer, (size_t)n, range.begin);
		range.begin += (uint64_t)n;
	}
	free(buffer);
	return rc;
}

static int commit(struct fs *fs, struct inode *inode, struct saved *saved)
{
	struct inodes *t = &fs->inodes;
	struct key_buffer key;
	struct meta meta = { 0 };

	inodes_lock(t);
	int rc = inode_key_locked(t, inode, &key);
	inode->scratch.saved_moves = t->moves;
	meta_copy(&meta, &inode->meta);
	meta.mode &= ~inode->privileges_cleared;
	meta.ino = inode->ino;
	if (inode->given_how != GIVEN_NOTHING)
		meta.own = inode->given;
	meta.copy = meta.own;
	inodes_unlock(t);
	if (rc == 0)
		rc = saved_commit(saved, key_make(key.bytes, key.size), &meta);
	meta_fini(&meta);
	return rc == -ENOENT ? 0 : rc; /* unlinked */
}

static int save(struct fs *fs, struct inode *inode, struct saved **saved)
{
	bool all = !*saved;
	int rc = all ? saved_new(fs->conf->state_dir, inode->ino, saved) : 0;
	struct range range = take_range(inode, all);

	if (rc == 0)
		rc = copy_range(inode, *saved, range);
	if (rc == 0)
		rc = commit(fs, inode, *saved);
	if (rc < 0 && !all) {
		inode_content_lock(inode);
		working_copy_note_changed(&inode->content.copy, range);
		inode_content_unlock(inode);
	}
	return rc;
}

/* One at a time. False: the time is over. */
static bool wait_for_turn_locked(struct fs *fs, const struct inode *inode)
{
	struct deadline deadline = deadline_in(fs->time,
					       waiting_at_most(fs->conf->publish_timeout_ms));

	assert(lock_is_held(&fs->inodes.lock));
	while (inode->scratch.saving)
		if (!inodes_wait_locked(&fs->inodes, &deadline))
			return !inode->scratch.saving;
	return true;
}

int scratch_save(struct fs *fs, struct inode *inode)
{
	struct inodes *t = &fs->inodes;
	int rc = 0;

	waiting_begin();
	inodes_lock(t);
	if (!wait_for_turn_locked(fs, inode))
		rc = -ETIMEDOUT;
	else if (!inode_is_scratch(inode))
		rc = -EAGAIN;
	bool is_stored = rc == 0 && !inode_is_unstored_locked(inode);
	bool needless = is_stored || (rc == 0 && inode->meta.size == 0 && !inode->scratch.saved);
	if (rc == 0 && !needless) {
		inode->scratch.saving = true;
		inode_pin_locked(inode);
	}
	inodes_unlock(t);
	if (rc < 0 || needless)
		return is_stored ? layered_sync(fs->cache) : rc;
	struct saved *saved = inode->scratch.saved; /* ours while it is being saved */
	rc = save(fs, inode, &saved);
	inodes_lock(t);
	inode->scratch.saving = false;
	inode->scratch.saved = saved;
	if (!inode_is_scratch(inode) || (rc < 0 && saved && !saved_is_committed(saved)))
		inode_bury_saved_locked(t, inode);
	inodes_changed_locked(t);
	inode_unpin_locked(t, inode);
	inodes_unlock(t);
	return rc;
}

/* One that was moved with a directory, pinned; NULL: none. */
static struct inode *moved_locked(struct inodes *t)
{
	struct scratch_files *lists[] = { &t->resting, &t->restless };
	struct inode *inode;

	assert(lock_is_held(&t->lock));
	for (size_t i = 0; i < 2; i++)
		TAILQ_FOREACH(inode, lists[i], scratch.in_list)
		{
			const struct scratch_part *s = &inode->scratch;
			if (!s->saved || s->saving || s->saved_moves == t->moves)
				continue;
			inode_pin_locked(inode);
			return inode;
		}
	return NULL;
}

void scratch_save_moved(struct fs *fs)
{
	struct inodes *t = &fs->inodes;
	struct inode *inode;

	inodes_lock(t);
	while ((inode = moved_locked(t))) {
		inodes_unlock(t);
		int rc = scratch_save(fs, inode);
		inodes_lock(t);
		if (rc < 0) /* it is what its next fsync says */
			inode->scratch.saved_moves = t->moves;
		inode_unpin_locked(t, inode);
	}
	inodes_unlock(t);
}

/* --- the next start --------------------------------------------------------------------------- */

struct restoring {
	struct fs *fs;
	const struct saved_entry *entry;
	int failure;               /* of the first that failed */
	char name[NAME_SHOWN + 1]; /* of its key, no more than so much */
};

/* What has the name by now was made later. */
static int restoring_prepare(void *self, const struct meta *now, struct value **value,
			     struct meta *meta)
{
	const struct restoring *r = self;
	struct inodes *t = &r->fs->inodes;

	inodes_lock(t);
	const struct name *name = name_find_key_locked(t, r->entry->key);
	bool taken = name && (name->holder || name->privates);
	inodes_unlock(t);
	if (taken || (now && time_is_later(&now->mtime, &r->entry->meta->mtime)))
		return -ECANCELED;
	meta_copy(meta, r->entry->meta);
	if (now && now->version >= meta->version)
		meta->version = now->version + 1;
	*value = value_ref(r->entry->value);
	return 0;
}

static void restoring_done(void *self, int rc, const struct meta *stored)
{
	(void)self;
	(void)rc;
	(void)stored;
}

static int restore(void *self, const struct saved_entry *entry)
{
	struct restoring *r = self;
	const struct layered_change change = { restoring_prepare, restoring_done, r };

	if (entry->meta->size == 0)
		return 0;
	r->entry = entry;
	int rc = layered_set(r->fs->cache, entry->key, &change);
	if (rc == 0)
		rc = layered_sync(r->fs->cache);
	if (rc == -ECANCELED)
		return 0;
	if (rc < 0 && r->failure == 0) {
		r->failure = rc;
		snprintf(r->name, sizeof(r->name), "%.*s", (int)entry->key.size, entry->key.bytes);
	}
	return rc;
}

void scratch_saved_restore(struct fs *fs)
{
	struct restoring r = { .fs = fs };
	uint64_t bytes;

	if (!fs->conf->state_dir)
		return;
	unsigned left = saved_visit_all(fs->conf->state_dir, restore, &r, &bytes);
	atomic_store(&fs->rest.left_bytes, bytes);
	if (left > 0 && !atomic_exchange(&fs->rest.told_left, true))
		log_warning(
			"%u temporary files of an earlier run, \"%s\" for one, cannot be stored "
			"yet (%s): they are kept in %s/scratch and tried again",
			left, r.name, strerror(-r.failure), fs->conf->state_dir);
	else if (left == 0 && atomic_exchange(&fs->rest.told_left, false))
		log_info("the temporary files of the earlier run are stored");
}
