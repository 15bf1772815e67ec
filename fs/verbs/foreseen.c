/* See foreseen.h. */
#include "verbs/foreseen.h"

#include <errno.h>
#include <fcntl.h>

#include "verbs/scratch_name.h"

static bool is_hopeless(struct fs *fs, int flags)
{
	return ((flags & O_ACCMODE) == O_WRONLY || (flags & O_TRUNC)) &&
	       layered_foresee(fs->cache, KEY_ROOT, 0) == -EIO;
}

int foreseen_at_create(struct fs *fs, int flags)
{
	return is_hopeless(fs, flags) ? -EIO : 0;
}

/* The key that a close would set; -ENOENT: none. */
static int key_to_set(struct fs *fs, const struct inode *inode, struct key_buffer *key)
{
	struct inodes *t = &fs->inodes;

	inodes_lock(t);
	const struct name *name = inode->name;
	bool sets = name && !inode_is_scratch(inode) && !scratch_has_name(fs, name);
	int rc = sets ? inode_key_locked(t, inode, key) : -ENOENT;
	inodes_unlock(t);
	return rc;
}

int foreseen_at_open(struct fs *fs, const struct inode *inode, int flags)
{
	struct key_buffer key;

	return is_hopeless(fs, flags) && key_to_set(fs, inode, &key) == 0 ? -EIO : 0;
}

int foreseen_at_write(struct fs *fs, struct inode *inode, uint64_t size)
{
	struct key_buffer key;
	int rc = layered_foresee(fs->cache, KEY_ROOT, size);

	if ((rc != -EFBIG && rc != -ENOSPC) || key_to_set(fs, inode, &key) < 0)
		return 0;
	if (rc == -ENOSPC)
		rc = layered_foresee(fs->cache, key_make(key.bytes, key.size), size);
	return rc == -EIO ? 0 : rc;
}

int foreseen_at_resize(struct fs *fs, struct inode *inode, uint64_t size)
{
	struct key_buffer key;

	if (layered_foresee(fs->cache, KEY_ROOT, size) != -EFBIG)
		return 0;
	return key_to_set(fs, inode, &key) == 0 ? -EFBIG : 0;
}
