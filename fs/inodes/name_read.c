/* See name_read.h. */
#include "inodes/name_read.h"

#include <assert.h>
#include <errno.h>

#include "base/waiting.h"

enum { WAIT_FOR_MOVE_MS = 30 * 1000 };

/* Whether a directory on the way to the root (dir included) is being renamed. */
static bool is_moving_locked(const struct inodes *t, const struct inode *dir)
{
	assert(lock_is_held(&t->lock));
	if (t->moving == 0)
		return false;
	for (const struct inode *d = dir; d != &t->root && d->name; d = d->name->dir)
		if (d->moving)
			return true;
	return false;
}

/* Waits until that is over. False: nothing to wait for. */
static bool wait_for_move_locked(struct inodes *t, const struct inode *dir)
{
	assert(lock_is_held(&t->lock));
	if (!is_moving_locked(t, dir))
		return false;
	inodes_unlock(t);
	waiting_begin();
	struct deadline deadline = deadline_in(t->time, waiting_at_most(WAIT_FOR_MOVE_MS));
	inodes_lock(t);
	while (is_moving_locked(t, dir) && inodes_wait_locked(t, &deadline))
		;
	return true;
}

static bool inode_is_elsewhere_locked(struct inodes *t, struct inode *inode, struct key key)
{
	struct name *name = inode->name;

	assert(lock_is_held(&t->lock));
	if (name)
		name_ref_locked(name); /* its directory stays, too */
	const struct inode *dir = inode->kind == INODE_FILE && name ? name->dir : inode;
	bool elsewhere = wait_for_move_locked(t, dir) ||
			 inode_check_key_locked(t, inode, key) == -EAGAIN;
	if (name)
		name_put_locked(t, name);
	return elsewhere;
}

/* Whether what was read by that key may have been between two places; what is under way has been
 * waited for. */
static bool is_elsewhere_locked(const struct name_read *r, struct key key)
{
	if (!r->name)
		return inode_is_elsewhere_locked(r->t, r->inode, key);
	return wait_for_move_locked(r->t, r->name->dir) ||
	       name_check_key_locked(r->t, r->name, key) == -EAGAIN;
}

static int key_locked(const struct name_read *r)
{
	if (r->name)
		return name_key_locked(r->t, r->name, r->key);
	return r->inode->removed ? -ENOENT : inode_key_locked(r->t, r->inode, r->key);
}

int name_read_locked(struct name_read *r)
{
	struct inodes *t = r->t;

	assert(lock_is_held(&t->lock) && (r->name || (r->inode && !r->settled)));
	for (;;) {
		uint64_t moves = t->moves;
		r->at = t->clock;
		int rc = key_locked(r);
		if (rc < 0)
			return rc;
		inodes_unlock(t);
		struct key key = key_make(r->key->bytes, r->key->size);
		rc = r->ask(r->self, key);
		inodes_lock(t);
		if (rc < 0 && rc != -ENOENT)
			return rc;
		bool changed = r->settled && (r->name->changed_at > r->at || t->moves != moves);
		if (!changed && (rc == 0 || !is_elsewhere_locked(r, key)))
			return rc == NAME_READ_PART ? 0 : rc;
	}
}

int name_read(struct name_read *r)
{
	inodes_lock(r->t);
	int rc = name_read_locked(r);
	inodes_unlock(r->t);
	return rc;
}
