/* See scratch_rest.h. */
#include "verbs/scratch_rest.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/waiting.h"
#include "verbs/publish.h"
#include "inodes/saved.h"
#include "verbs/scratch.h"
#include "verbs/scratch_saved.h"
#include "verbs/unowned.h"

enum {
	RETRY_MS = 1000,  /* until what could not be stored is tried again, at least */
	EXPIRE_MS = 2000, /* between two looks for files whose time is over */
	EXPIRE_BATCH = 64,
	IDLE_MS = 60 * 1000,
	LOCK_TRIES = 64,
	NAME_SHOWN = 200, /* bytes of a name in the log */
};

static int shown(struct key key)
{
	return key.size < NAME_SHOWN ? (int)key.size : NAME_SHOWN;
}

/* --- what the layers have of one -------------------------------------------------------------- */

struct withdrawal {
	struct fs *fs;
	struct inode *inode; /* pinned */
	struct key_buffer key;
	bool only_expired, drops; /* if its time is over; the file goes too */
};

static bool is_expired_locked(const struct inode *inode)
{
	return inode_is_scratch(inode) && inode->writers == 0 &&
	       inode_scratch_is_over_locked(inode);
}

static int withdrawal_prepare(void *self)
{
	const struct withdrawal *w = self;
	struct inodes *t = &w->fs->inodes;

	inodes_lock(t);
	int rc = inode_check_key_locked(t, w->inode, key_make(w->key.bytes, w->key.size));
	if (rc == 0 &&
	    (!inode_is_scratch(w->inode) || (w->only_expired && !is_expired_locked(w->inode))))
		rc = -ECANCELED;
	inodes_unlock(t);
	return rc;
}

static void drop_locked(struct fs *fs, struct inode *inode)
{
	struct name *name = inode->name;

	name->refs++;
	inode_detach_locked(&fs->inodes, inode);
	name->dir->dir_mtime = time_now();
	name_touch_locked(&fs->inodes, name);
	if (fs->notifier)
		notifier_inval_entry(fs->notifier, inode_id(&fs->inodes, name->dir), name->text,
				     name->size);
	name_put_locked(&fs->inodes, name);
}

static void withdrawal_done(void *self, int rc)
{
	const struct withdrawal *w = self;
	struct inodes *t = &w->fs->inodes;

	if (rc < 0 && rc != -ENOENT)
		return;
	inodes_lock(t);
	if (inode_is_scratch(w->inode) && w->drops) {
		drop_locked(w->fs, w->inode);
	} else if (inode_is_scratch(w->inode)) {
		w->inode->has_copy = false;
		inode_note_unstored_locked(w->inode);
		inode_rest_locked(t, w->inode);
	}
	inodes_unlock(t);
}

static int withdraw(struct withdrawal *w)
{
	const struct layered_hooks hooks = { withdrawal_prepare, withdrawal_done, w };
	struct inodes *t = &w->fs->inodes;
	int rc;

	do {
		inodes_lock(t);
		rc = inode_key_locked(t, w->inode, &w->key);
		inodes_unlock(t);
		if (rc == 0)
			rc = layered_remove(w->fs->cache, key_make(w->key.bytes, w->key.size),
					    &hooks);
	} while (rc == -EAGAIN);
	return rc == -ENOENT || rc == -ECANCELED ? 0 : rc;
}

int scratch_withdraw(struct fs *fs, struct inode *inode)
{
	struct withdrawal w = { .fs = fs, .inode = inode };

	inodes_lock(&fs->inodes);
	bool has_copy = inode_is_scratch(inode) && inode->has_copy;
	inodes_unlock(&fs->inodes);
	return has_copy ? withdraw(&w) : 0;
}

/* It goes, and what the layers have of it, or an older one would show; the caller has a pin. */
static void remove_locked(struct fs *fs, struct inode *inode, bool only_expired)
{
	struct inodes *t = &fs->inodes;

	if (!inode->has_copy && !__atomic_load_n(&inode->content.in_flight, __ATOMIC_RELAXED)) {
		drop_locked(fs, inode);
		return;
	}
	inodes_unlock(t);
	struct withdrawal w = {
		.fs = fs, .inode = inode, .only_expired = only_expired, .drops = true
	};
	withdraw(&w);
	inodes_lock(t);
}

static void expire_locked(struct fs *fs, struct inode *inode)
{
	if (is_expired_locked(inode))
		remove_locked(fs, inode, true);
}

void scratch_expire_locked(struct fs *fs, struct name *name)
{
	struct inode *inode = name->holder;

	if (!inode || !is_expired_locked(inode))
		return;
	inode_pin_locked(inode);
	expire_locked(fs, inode);
	inode_unpin_locked(&fs->inodes, inode);
}

/* Some of those whose time is over; how many. */
static size_t expire_some_locked(struct fs *fs)
{
	struct inodes *t = &fs->inodes;
	struct scratch_files *lists[] = { &t->resting, &t->restless };
	struct inode *found[EXPIRE_BATCH], *inode;
	size_t count = 0;

	for (size_t i = 0; i < 2; i++)
		TAILQ_FOREACH(inode, lists[i], in_scratch)
	if (count < EXPIRE_BATCH && is_expired_locked(inode)) {
		inode_pin_locked(inode);
		found[count++] = inode;
	}
	for (size_t i = 0; i < count; i++) {
		expire_locked(fs, found[i]);
		inode_unpin_locked(t, found[i]);
	}
	return count;
}

/* --- storing one ------------------------------------------------------------------------------ */

/* One that leaves the list of those at rest, to be stored. */
struct storing {
	struct inode *inode; /* a pin */
	struct name *name;   /* a reference, and it is being published */
};

static struct storing begin_locked(struct inodes *t, struct inode *inode)
{
	struct storing s = { inode, inode->name };

	inode_pin_locked(inode);
	s.name->refs++;
	s.name->publishing++;
	t->scratch_storing++;
	if (inode->rests) {
		TAILQ_REMOVE(&t->resting, inode, in_scratch);
		TAILQ_INSERT_TAIL(&t->restless, inode, in_scratch);
		inode->rests = false;
	}
	return s;
}

static void end_locked(struct fs *fs, const struct storing *s)
{
	struct inodes *t = &fs->inodes;
	int64_t sooner_ms = RETRY_MS - fs->conf->scratch_publish_ms;

	if (inode_is_scratch(s->inode)) { /* tried again, after as long a rest as before */
		inode_rest_locked(t, s->inode);
		s->inode->rests_ms += sooner_ms > 0 ? sooner_ms : 0;
	}
	t->scratch_storing--;
	s->name->publishing--;
	inodes_changed_locked(t);
	name_put_locked(t, s->name);
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

/* -errno: it is still a scratch file. */
static int store(struct fs *fs, const struct storing *s, enum publish_how how)
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
			    shown(key_make(name->text, name->size)), name->text, strerror(-rc));
	else if (rc == 0 && atomic_exchange(&fs->rest.told, false))
		log_info("temporary files can be stored again");
	if (rc == 0)
		atomic_fetch_add(&fs->rest.stored, 1);
}

/* The one that has rested longest, and not less than that; NULL: none. Those whose time is over go
 * meanwhile. */
static struct inode *oldest_locked(struct fs *fs, int64_t least_ms)
{
	struct inodes *t = &fs->inodes;
	int64_t since_ms = time_mono_ms(fs->time) - least_ms;

	for (size_t tries = t->scratch_count; tries > 0; tries--) {
		struct inode *inode = TAILQ_FIRST(&t->resting);
		if (!inode || inode->rests_ms > since_ms)
			return NULL;
		if (is_expired_locked(inode)) {
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
	bool changed = inode_is_scratch(inode) && inode->has_copy &&
		       inode_is_unstored_locked(inode);
	inodes_unlock(&fs->inodes);
	if (changed)
		scratch_withdraw(fs, inode);
}

static int store_locked(struct fs *fs, struct inode *inode, bool or_drop)
{
	struct inodes *t = &fs->inodes;
	struct storing s = begin_locked(t, inode);

	inodes_unlock(t);
	int rc = store(fs, &s, PUBLISH_IN_PLACE);
	tell(fs, s.name, rc);
	if (rc == 0)
		withdraw_if_changed(fs, inode);
	inodes_lock(t);
	if (or_drop && rc < 0 && !is_overtaken(rc) && inode_is_scratch(inode) &&
	    inode->writers == 0) {
		log_error("\"%.*s\" is dropped: pending_max_bytes is used up, and no layer takes "
			  "it: %s",
			  shown(key_make(s.name->text, s.name->size)), s.name->text, strerror(-rc));
		atomic_fetch_add(&fs->rest.dropped, 1);
		remove_locked(fs, inode, false);
	}
	end_locked(fs, &s);
	return is_overtaken(rc) ? 0 : rc;
}

/* --- room ------------------------------------------------------------------------------------- */

/* A lock that the layers have, and that nobody holds; NULL: none. */
static struct inode *stored_lock_locked(struct fs *fs)
{
	struct inode *inode;

	TAILQ_FOREACH(inode, &fs->inodes.restless, in_scratch)
	{
		if (inode->has_copy && inode->meta.size > 0 && inode_is_idle_locked(inode) &&
		    !is_expired_locked(inode) && !inode_is_unstored_locked(inode) &&
		    !file_locks_any(fs->locks, inode->ino))
			return inode;
	}
	return NULL;
}

/* The last resort: a stored lock becomes an entry that may be evicted. False: none does. */
static bool let_a_lock_go_locked(struct fs *fs)
{
	struct inodes *t = &fs->inodes;
	struct inode *inode;
	bool gone = false;

	for (int tries = 0; !gone && tries < LOCK_TRIES && (inode = stored_lock_locked(fs));
	     tries++) {
		inode_pin_locked(inode);
		store_locked(fs, inode, false); /* it is the last in its list then */
		gone = !inode_is_scratch(inode);
		inode_unpin_locked(t, inode);
	}
	inodes_unlock(t); /* its content goes */
	inodes_lock(t);
	return gone;
}

/* Stores the oldest, or waits for one that is being stored. False: neither, or the time is over. */
static bool make_some_room_locked(struct fs *fs, bool or_drop, int64_t end_ms)
{
	struct inodes *t = &fs->inodes;
	int64_t left_ms = end_ms - time_mono_ms(fs->time);
	struct inode *inode = left_ms > 0 ? oldest_locked(fs, 0) : NULL;

	if (left_ms <= 0)
		return false;
	if (inode)
		return store_locked(fs, inode, or_drop) == 0 || or_drop;
	if (expire_some_locked(fs) > 0 || let_a_lock_go_locked(fs))
		return true;
	struct deadline deadline = deadline_in(&time_system, left_ms);
	return t->scratch_storing > 0 && inodes_wait_locked(t, &deadline);
}

int scratch_admit_user(struct fs *fs, uid_t uid)
{
	if (uid == fs->uid)
		return 0;
	inodes_lock(&fs->inodes);
	bool full = fs->inodes.scratch_by_uid[uid % SCRATCH_UIDS] >= SCRATCH_FILES_MAX / 2;
	inodes_unlock(&fs->inodes);
	return full ? -ENOSPC : 0;
}

int scratch_admit(struct fs *fs, struct inode *dir, struct key text)
{
	struct inodes *t = &fs->inodes;

	inodes_lock(t);
	const struct name *name = name_find_locked(t, dir, text);
	bool is_one = name && name->holder && inode_is_scratch(name->holder);
	bool full = !is_one && t->scratch_count >= SCRATCH_FILES_MAX;
	inodes_unlock(t);
	if (!full)
		return 0;
	waiting_begin();
	int64_t end_ms = time_mono_ms(fs->time) + waiting_at_most(fs->conf->publish_timeout_ms);
	inodes_lock(t);
	while (t->scratch_count >= SCRATCH_FILES_MAX && make_some_room_locked(fs, false, end_ms))
		;
	full = t->scratch_count >= SCRATCH_FILES_MAX;
	inodes_unlock(t);
	if (full && !atomic_exchange(&fs->rest.told_full, true))
		log_warning(
			"there are %d temporary files, and no more are made (ENOSPC): locks and "
			"other empty files stay until they are removed; said once",
			SCRATCH_FILES_MAX);
	return full ? -ENOSPC : 0;
}

/* Once, until there is room again. */
static void tell_no_room(struct fs *fs)
{
	struct unowned u;

	if (atomic_exchange(&fs->rest.told_no_room, true))
		return;
	unowned_read(fs, &u);
	log_warning("pending_max_bytes (%llu) is used up, and sets fail (ENOSPC): %llu bytes are "
		    "in files that are open or being stored, %llu in temporary files that nobody "
		    "writes; said once until there is room",
		    (unsigned long long)u.pending_max,
		    (unsigned long long)(u.pending_bytes > u.scratch_bytes
						 ? u.pending_bytes - u.scratch_bytes
						 : 0),
		    (unsigned long long)u.scratch_bytes);
}

bool scratch_make_room(struct fs *fs, uint64_t bytes)
{
	struct inodes *t = &fs->inodes;
	bool enough;

	waiting_begin();
	int64_t end_ms = time_mono_ms(fs->time) + waiting_at_most(fs->conf->publish_timeout_ms);
	inodes_lock(t);
	do /* what there was may be another one's by the time that we are back */
		enough = working_copies_left(&t->copies) >= bytes;
	while (!enough && make_some_room_locked(fs, true, end_ms));
	inodes_unlock(t);
	if (!enough)
		tell_no_room(fs);
	return enough;
}

/* Whether it has such a name and is none. */
static bool can_be_scratch_locked(const struct fs *fs, const struct inode *inode)
{
	const struct name *name = inode->name;

	return inode->kind == INODE_FILE && name && !inode_is_scratch(inode) &&
	       scratch_is_name(fs->conf->scratch_names, key_make(name->text, name->size));
}

int scratch_admit_open(struct fs *fs, struct inode *inode)
{
	struct inodes *t = &fs->inodes;

	inodes_lock(t);
	bool grows = t->scratch_count >= SCRATCH_FILES_MAX && can_be_scratch_locked(fs, inode);
	struct name *name = grows ? inode->name : NULL;
	if (name)
		name->refs++;
	inodes_unlock(t);
	if (!name)
		return 0;
	int rc = scratch_admit(fs, name->dir, key_make(name->text, name->size));
	inodes_lock(t);
	name_put_locked(t, name);
	inodes_unlock(t);
	return rc;
}

void scratch_reopen_locked(struct fs *fs, struct inode *inode)
{
	if (!inode_is_private(inode) || !can_be_scratch_locked(fs, inode) ||
	    __atomic_load_n(&inode->content.in_flight, __ATOMIC_RELAXED))
		return;
	bool news = inode_has_news_locked(inode);
	scratch_supersede_locked(fs, inode);
	inode->has_copy = true;
	if (!news)
		__atomic_store_n(&inode->content.dirty, false, __ATOMIC_RELAXED);
	name_touch_locked(&fs->inodes, inode->name);
}

/* --- the thread ------------------------------------------------------------------------------- */

static int64_t until_next_ms(const struct fs *fs)
{
	const struct inode *first = TAILQ_FIRST(&fs->inodes.resting);
	bool idle = fs->inodes.scratch_count == 0 && atomic_load(&fs->rest.left_bytes) == 0;
	int64_t most_ms = idle ? IDLE_MS : EXPIRE_MS;

	if (!first)
		return most_ms;
	int64_t ms = first->rests_ms + fs->conf->scratch_publish_ms - time_mono_ms(fs->time);
	return ms < 0 ? 0 : ms < most_ms ? ms : most_ms;
}

/* What could not be stored at the start is tried again. */
static bool is_to_restore(struct fs *fs, int64_t before_ms)
{
	int64_t pause_ms = fs->conf->scratch_publish_ms;

	pause_ms = pause_ms > EXPIRE_MS ? pause_ms : EXPIRE_MS;
	return atomic_load(&fs->rest.left_bytes) > 0 &&
	       time_mono_ms(fs->time) - before_ms >= pause_ms;
}

static void *run(void *self)
{
	struct fs *fs = self;
	struct inodes *t = &fs->inodes;
	int64_t expired_ms = 0, restored_ms = time_mono_ms(fs->time);

	inodes_lock(t);
	while (!fs->rest.ends) {
		struct inode *inode = oldest_locked(fs, fs->conf->scratch_publish_ms);
		if (inode) {
			store_locked(fs, inode, false);
		} else if (time_mono_ms(fs->time) - expired_ms >= EXPIRE_MS) {
			while (expire_some_locked(fs) == EXPIRE_BATCH && !fs->rest.ends)
				;
			inodes_unlock(t);
			scratch_save_moved(fs);
			inodes_lock(t);
			if (working_copies_left(&t->copies) > t->copies.max_bytes / 2)
				atomic_store(&fs->rest.told_no_room, false);
			expired_ms = time_mono_ms(fs->time);
		} else if (is_to_restore(fs, restored_ms)) {
			inodes_unlock(t);
			scratch_saved_restore(fs);
			inodes_lock(t);
			restored_ms = time_mono_ms(fs->time);
		} else {
			struct deadline deadline = deadline_in(&time_system, until_next_ms(fs));
			condition_wait_until(&t->rest_begins, &t->lock, &deadline);
		}
	}
	inodes_unlock(t);
	return NULL;
}

int scratch_rest_start(struct fs *fs)
{
	int rc = pthread_create(&fs->rest.thread, NULL, run, fs);

	fs->rest.runs = rc == 0;
	return -rc;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void stop(struct fs *fs)
{
	if (!fs->rest.runs)
		return;
	inodes_lock(&fs->inodes);
	fs->rest.ends = true;
	pthread_cond_signal(&fs->inodes.rest_begins);
	inodes_unlock(&fs->inodes);
	pthread_join(fs->rest.thread, NULL);
	fs->rest.runs = false;
}

/* The next that is not empty, or was not, of those that are left; NULL: none. */
static struct inode *left_locked(struct inodes *t)
{
	struct scratch_files *lists[] = { &t->resting, &t->restless };

	for (size_t i = 0; i < 2; i++)
		while (!TAILQ_EMPTY(lists[i])) {
			struct inode *inode = TAILQ_FIRST(lists[i]);
			if ((inode->meta.size > 0 || inode->has_copy) && !is_expired_locked(inode))
				return inode;
			inode_detach_locked(t, inode);
		}
	return NULL;
}

/* The layers may have evicted their copy. */
static int store_at_end(struct fs *fs, const struct storing *s, bool give_up)
{
	inodes_lock(&fs->inodes);
	bool empty = s->inode->meta.size == 0;
	inode_note_unstored_locked(s->inode);
	inodes_unlock(&fs->inodes);
	if (empty)
		return scratch_withdraw(fs, s->inode);
	return give_up ? -ETIMEDOUT : store(fs, s, PUBLISH_AT_END);
}

/* What no layer takes is left for the next start, as if it had been synced. */
static void keep_at_end(struct fs *fs, const struct storing *s, int failure)
{
	int rc = fs->conf->state_dir ? scratch_save(fs, s->inode) : -ENOENT;

	inodes_lock(&fs->inodes);
	bool kept = rc == 0 && s->inode->saved;
	if (kept)
		saved_keep(s->inode->saved);
	inodes_unlock(&fs->inodes);
	int size = shown(key_make(s->name->text, s->name->size));
	if (kept)
		log_warning("\"%.*s\" cannot be stored at the end of the daemon (%s): it is kept "
			    "in %s/scratch, for the next start",
			    size, s->name->text, strerror(-failure), fs->conf->state_dir);
	else
		log_error("\"%.*s\" is lost with the end of the daemon, for it cannot be stored: "
			  "%s",
			  size, s->name->text, strerror(-failure));
}

void scratch_rest_end(struct fs *fs)
{
	struct inodes *t = &fs->inodes;
	int64_t stored_ms = time_mono_ms(fs->time);
	struct inode *inode;

	stop(fs);
	inodes_lock(t);
	while ((inode = left_locked(t))) {
		struct storing s = begin_locked(t, inode);
		inodes_unlock(t);
		int64_t since_ms = time_mono_ms(fs->time) - stored_ms;
		int rc = store_at_end(fs, &s, since_ms > fs->conf->drain_timeout_ms);
		if (rc == 0)
			stored_ms = time_mono_ms(fs->time);
		else
			keep_at_end(fs, &s, rc);
		inodes_lock(t);
		if (inode_is_scratch(inode))
			inode_detach_locked(t, inode);
		end_locked(fs, &s);
	}
	inodes_unlock(t);
}
