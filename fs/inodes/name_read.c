/* See name_read.h. */
#include "inodes/name_read.h"

#include <errno.h>

#include "base/waiting.h"

enum { WAIT_FOR_MOVE_MS = 30 * 1000 };

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
	struct deadline deadline = deadline_in(t->time, waiting_at_most(WAIT_FOR_MOVE_MS));
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
