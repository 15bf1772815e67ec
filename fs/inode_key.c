/* The keys of names and inodes: see inode.h. A name knows its part alone, and the directory it is
 * in, so that renaming a directory touches nothing below it. */
#include "inode.h"

#include <errno.h>
#include <string.h>

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
