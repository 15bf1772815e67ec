/* See handle_write.h. */
#include "verbs/handle_write.h"

#include <errno.h>

#include "base/waiting.h"
#include "verbs/foreseen.h"
#include "verbs/scratch_room.h"

enum {
	THAW_INLINE_MAX = 256 * 1024,
	SPACE_TRIES = 8, /* of a write to a full disk: others may take what was freed */
	SPACE_AHEAD = 64 *
		      1024, /* freed beyond what is written: a file takes more than its bytes */
	ROOM_TRIES = 100,   /* of one that finds pending_max_bytes used up */
};

/* Makes sure that the content may grow so far; what can never fit is not for us to refuse. May
 * release the content's lock meanwhile. */
static int reserve(struct fs *fs, struct handle *h, const uint64_t *offset, uint64_t size,
		   uint64_t bytes)
{
	struct inode *inode = h->inode;
	struct working_copy *copy = &inode->content.copy;

	for (int tries = 0;; tries++) {
		uint64_t end, missing;
		if (__builtin_add_overflow(offset ? *offset : copy->size, size, &end))
			return -EFBIG;
		missing = working_copy_reserve(copy, h->uid, end, bytes);
		if (missing == 0)
			return 0;
		inode_content_unlock(inode);
		bool made = tries < ROOM_TRIES && scratch_make_room(fs, missing);
		inode_content_lock(inode);
		if (!made)
			return -ENOSPC;
	}
}

/*
 * Takes the content's lock for a change up to `size` bytes behind offset (NULL: the end), of which
 * `bytes` are written. Nobody waits
 * for this thread while it writes to a file, which the disk may throttle, or copies a large frozen
 * content. A growing one gets its file before the lock is held.
 */
static int begin_change(struct fs *fs, struct handle *h, const uint64_t *offset, uint64_t size,
			uint64_t bytes)
{
	struct inode *inode = h->inode;
	struct working_copy *copy = &inode->content.copy;

	inode_content_lock(inode);
	if (copy->fd >= 0 || working_copy_shared(copy) > THAW_INLINE_MAX) {
		inode_content_unlock(inode);
		waiting_begin();
		inode_content_lock(inode);
	}
	while (working_copy_needs_file(copy, (offset ? *offset : copy->size) + size)) {
		inode_content_unlock(inode);
		int fd = layered_temp_file(fs->cache);
		inode_content_lock(inode);
		if (fd < 0)
			return fd;
		working_copy_give_file(copy, fd);
	}
	return reserve(fs, h, offset, size, bytes);
}

/* What stat shows of the content. */
static void note_change(struct inodes *t, struct inode *inode)
{
	inodes_lock(t);
	inode->meta.size = inode->content.copy.size;
	inode->meta.mtime = inode->meta.ctime = time_now();
	inodes_unlock(t);
}

/* spoils: a failure has left half of it, which nobody means. */
static int end_change(struct fs *fs, struct handle *h, int rc, bool spoils)
{
	struct content *c = &h->inode->content;

	if (rc < 0 && spoils) {
		h->poisoned = h->poisoned ? h->poisoned : rc;
		c->withheld = true;
	} else if (rc == 0) {
		__atomic_store_n(&c->dirty, true, __ATOMIC_RELAXED);
		c->withheld &= h->holders.opener_killed;
		c->failure = 0;
		note_change(&fs->inodes, h->inode);
		h->wrote = true;
	}
	inode_content_unlock(h->inode);
	return shortage_note(&fs->changes, fs->time, "change the content of an open file", rc);
}

static uint64_t content_size(struct inode *inode)
{
	inode_content_lock(inode);
	uint64_t size = inode->content.copy.size;
	inode_content_unlock(inode);
	return size;
}

/* `size` bytes are to be written at offset (NULL: at the end). */
static int foresee_write(struct fs *fs, struct inode *inode, const uint64_t *offset, uint64_t size)
{
	uint64_t end, now = content_size(inode);

	if (__builtin_add_overflow(offset ? *offset : now, size, &end))
		return -EFBIG;
	return foreseen_at_write(fs, inode, end > now ? end : now);
}

/*
 * The disk below the working copy is full: whether entries have gone for `size` bytes more. True:
 * the content's lock, which is held, is released, for another try.
 */
static bool space_is_freed(struct fs *fs, struct inode *inode, uint64_t size)
{
	struct key_buffer key;

	if (working_copies_left(inode->content.copy.all) < size)
		return false; /* it is not the disk */
	inode_content_unlock(inode);
	waiting_begin();
	inodes_lock(&fs->inodes);
	if (inode_key_locked(&fs->inodes, inode, &key) < 0)
		key.size = 0;
	inodes_unlock(&fs->inodes);
	if (layered_free_space(fs->cache, key_make(key.bytes, key.size), size + SPACE_AHEAD) == 0)
		return true;
	inode_content_lock(inode);
	return false;
}

int handle_write(struct fs *fs, struct handle *h, const void *buffer, size_t size, uint64_t offset,
		 bool append)
{
	struct working_copy *copy = &h->inode->content.copy;
	int tries = 0, rc;

	if (!h->writer)
		return -EBADF;
	if (h->poisoned)
		return h->poisoned;
	rc = foresee_write(fs, h->inode, append ? NULL : &offset, size);
	if (rc < 0) {
		inode_content_lock(h->inode);
		return end_change(fs, h, rc, true);
	}
	do {
		rc = begin_change(fs, h, append ? NULL : &offset, size, size);
		if (rc == 0)
			rc = working_copy_write(copy, buffer, size, append ? copy->size : offset);
	} while (rc == -ENOSPC && ++tries < SPACE_TRIES && space_is_freed(fs, h->inode, size));
	return end_change(fs, h, rc, true);
}

static int set_size(struct fs *fs, struct handle *h, uint64_t size, bool shrink)
{
	struct working_copy *copy = &h->inode->content.copy;

	if (!h->writer)
		return -EBADF;
	if (h->poisoned)
		return h->poisoned;
	uint64_t start = 0;
	int rc = size > content_size(h->inode) ? foreseen_at_resize(fs, h->inode, size) : 0;
	if (rc < 0)
		return rc; /* nothing was changed */
	rc = begin_change(fs, h, &start, size, 0);
	if (rc == 0)
		rc = working_copy_truncate(copy, shrink || size > copy->size ? size : copy->size);
	return end_change(fs, h, rc, false); /* refused: it is as it was */
}

int handle_truncate(struct fs *fs, struct handle *h, uint64_t size)
{
	return set_size(fs, h, size, true);
}

int handle_extend(struct fs *fs, struct handle *h, uint64_t size)
{
	return set_size(fs, h, size, false);
}

int handle_zero(struct fs *fs, struct handle *h, uint64_t offset, uint64_t size)
{
	if (!h->writer)
		return -EBADF;
	if (h->poisoned)
		return h->poisoned;
	int rc = begin_change(fs, h, NULL, 0, 0);
	if (rc == 0)
		rc = working_copy_zero(&h->inode->content.copy, offset, size);
	return end_change(fs, h, rc, rc == -EIO);
}
