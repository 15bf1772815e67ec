/* See scratch_room.h. */
#include "verbs/scratch_room.h"

#include <assert.h>
#include <errno.h>

#include "base/log.h"
#include "base/waiting.h"
#include "verbs/scratch_expire.h"
#include "verbs/scratch_name.h"
#include "verbs/scratch_store.h"
#include "verbs/unowned.h"

enum { LOCK_TRIES = 64 };

/* A lock that the layers have, and that nobody holds; NULL: none. */
static struct inode *stored_lock_locked(struct fs *fs)
{
	struct inode *inode;

	assert(lock_is_held(&fs->inodes.lock));
	TAILQ_FOREACH(inode, &fs->inodes.restless, scratch.in_list)
	{
		if (inode->scratch.has_copy && inode->meta.size > 0 &&
		    inode_is_idle_locked(inode) && !scratch_is_expired_locked(inode) &&
		    !inode_is_unstored_locked(inode) && !file_locks_any(fs->locks, inode->ino))
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

	assert(lock_is_held(&fs->inodes.lock));
	for (int tries = 0; !gone && tries < LOCK_TRIES && (inode = stored_lock_locked(fs));
	     tries++) {
		inode_pin_locked(inode);
		scratch_store_locked(fs, inode, false); /* it is the last in its list then */
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
	struct inode *inode = left_ms > 0 ? scratch_oldest_locked(fs, 0) : NULL;

	assert(lock_is_held(&fs->inodes.lock));
	if (left_ms <= 0)
		return false;
	if (inode)
		return scratch_store_locked(fs, inode, or_drop) == 0 || or_drop;
	if (scratch_expire_some_locked(fs) > 0 || let_a_lock_go_locked(fs))
		return true;
	struct deadline deadline = deadline_in(fs->time, left_ms);
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

int scratch_admit_open(struct fs *fs, struct inode *inode)
{
	struct inodes *t = &fs->inodes;

	inodes_lock(t);
	bool grows = t->scratch_count >= SCRATCH_FILES_MAX && scratch_can_be_locked(fs, inode);
	struct name *name = grows ? inode->name : NULL;
	if (name)
		name_ref_locked(name);
	inodes_unlock(t);
	if (!name)
		return 0;
	int rc = scratch_admit(fs, name->dir, key_make(name->text, name->size));
	inodes_lock(t);
	name_put_locked(t, name);
	inodes_unlock(t);
	return rc;
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
