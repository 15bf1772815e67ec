/* The keys of names and inodes: see inode.h. A name knows its part alone, and the directory it is
 * in, so that renaming a directory touches nothing below it. */
#include "inodes/inode.h"

#include <errno.h>
#include <string.h>

#include "base/waiting.h"

enum { WAIT_FOR_MOVE_MS = 30 * 1000 };

int name_key_locked(const struct inodes *t, const struct name *name, struct key_buffer *key)
{
	size_t end = KEY_MAX;
	bool last = true;

	/* From the last part backwards, then moved to the front. */
	for (const struct name *n = name;; n = n->dir->name) {
		if (!n->is_own) {
			if (n->part.size + !last > end)
				return -ENAMETOOLONG;
			if (!last)
				key->bytes[--end] = '/';
			last = false;
			end -= n->part.size;
			memcpy(key->bytes + end, n->part.bytes, n->part.size);
		}
		if (n->dir == &t->root || (n->dir->kind == INODE_VIRTUAL && !n->dir->name))
			break;
		if (!n->dir->name)
			return -ENOENT; /* below a removed directory */
	}
	key->size = KEY_MAX - end;
	memmove(key->bytes, key->bytes + end, key->size);
	key->bytes[key->size] = '\0';
	return 0;
}

int inode_key_locked(const struct inodes *t, const struct inode *inode, struct key_buffer *key)
{
	if (inode == &t->root) {
		key->size = 0;
		key->bytes[0] = '\0';
		return 0;
	}
	return inode->name ? name_key_locked(t, inode->name, key) : -ENOENT;
}

static int check(int rc, const struct key_buffer *now, struct key key)
{
	return rc == 0 && !key_equal(key_make(now->bytes, now->size), key) ? -EAGAIN : rc;
}

int name_check_key_locked(const struct inodes *t, const struct name *name, struct key key)
{
	struct key_buffer now;
	int rc = name->dir->removed ? -ENOENT : name_key_locked(t, name, &now);

	return check(rc, &now, key);
}

int inode_check_key_locked(const struct inodes *t, const struct inode *inode, struct key key)
{
	struct key_buffer now;
	int rc = inode_key_locked(t, inode, &now);

	return check(rc, &now, key);
}

bool inode_is_moving_locked(const struct inodes *t, const struct inode *dir)
{
	if (t->moving == 0)
		return false;
	for (const struct inode *d = dir; d != &t->root && d->name; d = d->name->dir)
		if (d->moving)
			return true;
	return false;
}

bool inode_wait_for_move_locked(struct inodes *t, const struct inode *dir)
{
	if (!inode_is_moving_locked(t, dir))
		return false;
	inodes_unlock(t);
	waiting_begin();
	struct deadline deadline = deadline_in(&time_system, waiting_at_most(WAIT_FOR_MOVE_MS));
	inodes_lock(t);
	while (inode_is_moving_locked(t, dir) && inodes_wait_locked(t, &deadline))
		;
	return true;
}

bool name_is_elsewhere_locked(struct inodes *t, const struct name *name, struct key key)
{
	return inode_wait_for_move_locked(t, name->dir) ||
	       name_check_key_locked(t, name, key) == -EAGAIN;
}

bool inode_is_elsewhere(struct inodes *t, struct inode *inode, struct key key)
{
	inodes_lock(t);
	struct name *name = inode->name;

	if (name)
		name->refs++; /* its directory stays, too */
	const struct inode *dir = inode->kind == INODE_FILE && name ? name->dir : inode;
	bool elsewhere = inode_wait_for_move_locked(t, dir) ||
			 inode_check_key_locked(t, inode, key) == -EAGAIN;
	if (name)
		name_put_locked(t, name);
	inodes_unlock(t);
	return elsewhere;
}
