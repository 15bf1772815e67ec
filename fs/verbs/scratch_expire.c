/* See scratch_expire.h. */
#include "verbs/scratch_expire.h"

#include "verbs/tell.h"

#include <assert.h>
#include <errno.h>

/* --- what the layers have of one -------------------------------------------------------------- */

struct withdrawal {
	struct fs *fs;
	struct inode *inode; /* pinned */
	struct key_buffer key;
	bool only_expired, drops; /* if its time is over; the file goes too */
};

bool scratch_is_expired_locked(const struct inode *inode)
{
	assert(lock_is_held(&inode->table->lock));
	return inode_is_scratch(inode) && inode->writers == 0 &&
	       inode_scratch_is_over_locked(inode);
}

static int withdrawal_prepare(void *self)
{
	const struct withdrawal *w = self;
	struct inodes *t = &w->fs->inodes;

	inodes_lock(t);
	int rc = inode_check_key_locked(t, w->inode, key_make(w->key.bytes, w->key.size));
	if (rc == 0 && (!inode_is_scratch(w->inode) ||
			(w->only_expired && !scratch_is_expired_locked(w->inode))))
		rc = -ECANCELED;
	inodes_unlock(t);
	return rc;
}

static void drop_locked(struct fs *fs, struct inode *inode)
{
	struct name *name = inode->name;

	assert(lock_is_held(&fs->inodes.lock));
	name_ref_locked(name);
	inode_detach_locked(&fs->inodes, inode);
	name->dir->dir_mtime = time_now();
	name_touch_locked(&fs->inodes, name);
	tell_name_locked(fs, name);
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
		w->inode->scratch.has_copy = false;
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
		rc = inode_key(t, w->inode, &w->key);
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
	bool has_copy = inode_is_scratch(inode) && inode->scratch.has_copy;
	inodes_unlock(&fs->inodes);
	return has_copy ? withdraw(&w) : 0;
}

/* --- how one goes ----------------------------------------------------------------------------- */

void scratch_remove_locked(struct fs *fs, struct inode *inode, bool only_expired)
{
	struct inodes *t = &fs->inodes;

	assert(lock_is_held(&fs->inodes.lock));
	if (!inode->scratch.has_copy &&
	    !__atomic_load_n(&inode->content.in_flight, __ATOMIC_RELAXED)) {
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
	assert(lock_is_held(&fs->inodes.lock));
	if (scratch_is_expired_locked(inode))
		scratch_remove_locked(fs, inode, true);
}

void scratch_expire_locked(struct fs *fs, struct name *name)
{
	struct inode *inode = name->holder;

	assert(lock_is_held(&fs->inodes.lock));
	if (!inode || !scratch_is_expired_locked(inode))
		return;
	inode_pin_locked(inode);
	expire_locked(fs, inode);
	inode_unpin_locked(&fs->inodes, inode);
}

size_t scratch_expire_some_locked(struct fs *fs)
{
	struct inodes *t = &fs->inodes;
	struct scratch_files *lists[] = { &t->resting, &t->restless };
	struct inode *found[SCRATCH_EXPIRE_BATCH], *inode;
	size_t count = 0;

	assert(lock_is_held(&fs->inodes.lock));
	for (size_t i = 0; i < 2; i++)
		TAILQ_FOREACH(inode, lists[i], scratch.in_list)
		{
			if (count == SCRATCH_EXPIRE_BATCH || !scratch_is_expired_locked(inode))
				continue;
			inode_pin_locked(inode);
			found[count++] = inode;
		}
	for (size_t i = 0; i < count; i++) {
		expire_locked(fs, found[i]);
		inode_unpin_locked(t, found[i]);
	}
	return count;
}
