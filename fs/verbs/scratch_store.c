/* See scratch_store.h. */
#include "verbs/scratch_store.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "verbs/scratch_expire.h"

enum {
	RETRY_MS = 1000,  /* until what could not be stored is tried again, at least */
	NAME_SHOWN = 200, /* bytes of a name in the log */
};

int scratch_name_shown(const struct name *name)
{
	return name->size < NAME_SHOWN ? (int)name->size : NAME_SHOWN;
}

struct scratch_storing scratch_begin_locked(struct inodes *t, struct inode *inode)
{
	struct scratch_storing s = { inode, inode->name };

	assert(lock_is_held(&t->lock));
	inode_pin_locked(inode);
	name_publishing_locked(s.name);
	t->scratch_storing++;
	if (inode->scratch.rests) {
		TAILQ_REMOVE(&t->resting, inode, scratch.in_list);
		TAILQ_INSERT_TAIL(&t->restless, inode, scratch.in_list);
		inode->scratch.rests = false;
	}
	return s;
}

void scratch_stored_locked(struct fs *fs, const struct scratch_storing *s)
{
	struct inodes *t = &fs->inodes;
	int64_t sooner_ms = RETRY_MS - fs->conf->scratch_publish_ms;

	assert(lock_is_held(&fs->inodes.lock));
	if (inode_is_scratch(s->inode)) { /* tried again, after as long a rest as before */
		inode_rest_locked(t, s->inode);
		s->inode->scratch.rests_ms += sooner_ms > 0 ? sooner_ms : 0;
	}
	assert(t->scratch_storing > 0);
	t->scratch_storing--;
	name_published_locked(t, s->name);
	inode_unpin_locked(t, s->inode);
}

/* Opened for writing and closed as it was: it is the entry that it was before, if that is still
 * there. */
static bool is_copy_there(struct fs *fs, struct inode *inode, struct key key)
{
	struct inodes *t = &fs->inodes;
	struct meta now = { 0 };

	inodes_lock(t);
	bool unstored = inode_is_unstored_locked(inode);
	inodes_unlock(t);
	if (unstored)
		return false;
	bool there = layered_stat(fs->cache, key, &now) == 0;
	inodes_lock(t);
	there = there && meta_same_value(&now, &inode->meta);
	if (!there)
		inode_note_unstored_locked(inode);
	else if (inode_is_scratch(inode) && inode->writers == 0 &&
		 !inode_is_unstored_locked(inode)) {
		inode->published = true;
		inode_end_scratch_locked(t, inode);
	}
	inodes_unlock(t);
	meta_fini(&now);
	return there;
}

int scratch_store(struct fs *fs, const struct scratch_storing *s, enum publish_how how)
{
	struct key_buffer buffer;

	inodes_lock(&fs->inodes);
	int rc = s->inode->name == s->name ? name_key_locked(&fs->inodes, s->name, &buffer)
					   : -EAGAIN;
	inodes_unlock(&fs->inodes);
	if (rc < 0)
		return rc;
	struct key key = key_make(buffer.bytes, buffer.size);
	if (how == PUBLISH_IN_PLACE && is_copy_there(fs, s->inode, key))
		return 0;
	return publish_as(fs, s->inode, s->name, key, how);
}

/* Renamed, removed or opened meanwhile, which is no failure. */
static bool is_overtaken(int rc)
{
	return rc == -EAGAIN || rc == -EBUSY || rc == -ENOENT;
}

static void tell(struct fs *fs, struct name *name, int rc)
{
	bool failed = rc < 0 && !is_overtaken(rc);

	if (failed && !atomic_exchange(&fs->rest.told, true))
		log_warning("temporary files cannot be stored, \"%.*s\" for one: %s; they stay in "
			    "the daemon and are tried again; said once until one is",
			    scratch_name_shown(name), name->text, strerror(-rc));
	else if (rc == 0 && atomic_exchange(&fs->rest.told, false))
		log_info("temporary files can be stored again");
	if (rc == 0)
		atomic_fetch_add(&fs->rest.stored, 1);
}

struct inode *scratch_oldest_locked(struct fs *fs, int64_t least_ms)
{
	struct inodes *t = &fs->inodes;
	int64_t since_ms = time_mono_ms(fs->time) - least_ms;

	assert(lock_is_held(&fs->inodes.lock));
	for (size_t tries = t->scratch_count; tries > 0; tries--) {
		struct inode *inode = TAILQ_FIRST(&t->resting);
		if (!inode || inode->scratch.rests_ms > since_ms)
			return NULL;
		if (scratch_is_expired_locked(inode)) {
			scratch_expire_locked(fs, inode->name);
			continue;
		}
		if (inode->tickets == 0 && !file_locks_any(fs->locks, inode->ino))
			return inode;
		inode_rest_locked(t, inode); /* its rest begins when it is unlocked */
	}
	return NULL;
}

/* Changed while it was stored: what the layers have is out of date. */
static void withdraw_if_changed(struct fs *fs, struct inode *inode)
{
	inodes_lock(&fs->inodes);
	bool changed = inode_is_scratch(inode) && inode->scratch.has_copy &&
		       inode_is_unstored_locked(inode);
	inodes_unlock(&fs->inodes);
	if (changed)
		scratch_withdraw(fs, inode);
}

int scratch_store_locked(struct fs *fs, struct inode *inode, bool or_drop)
{
	struct inodes *t = &fs->inodes;
	struct scratch_storing s = scratch_begin_locked(t, inode);

	assert(lock_is_held(&fs->inodes.lock));
	inodes_unlock(t);
	int rc = scratch_store(fs, &s, PUBLISH_IN_PLACE);
	tell(fs, s.name, rc);
	if (rc == 0)
		withdraw_if_changed(fs, inode);
	inodes_lock(t);
	if (or_drop && rc < 0 && !is_overtaken(rc) && inode_is_scratch(inode) &&
	    inode->writers == 0) {
		log_error("\"%.*s\" is dropped: pending_max_bytes is used up, and no layer takes "
			  "it: %s",
			  scratch_name_shown(s.name), s.name->text, strerror(-rc));
		atomic_fetch_add(&fs->rest.dropped, 1);
		scratch_remove_locked(fs, inode, false);
	}
	scratch_stored_locked(fs, &s);
	return is_overtaken(rc) ? 0 : rc;
}
