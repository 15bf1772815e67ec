/* See metadata.h. */
#include "metadata.h"

#include <errno.h>

#include "../backends/waiting.h"
#include "lookup.h"

enum { NOTIFY_WAIT_MS = 100 };

/* Whether the entry in the layers is the one this inode stands for. */
static bool stands_for_entry_locked(const struct inode *inode)
{
	if (!inode->name)
		return false;
	return inode->state != INODE_PRIVATE || (inode->published && inode->name->holder == inode);
}

/* A stale inode that is open may stand for an entry that has been replaced by another file since.
 */
static bool is_same_file(struct fs *fs, const struct key_buffer *key, uint64_t ino)
{
	struct meta now = { 0 };
	bool same = layered_stat(fs->cache, key_make(key->bytes, key->size), &now) == 0 &&
		    now.ino == ino;

	meta_fini(&now);
	return same;
}

static void store_in_inode(struct fs *fs, struct inode *inode, const struct meta *meta,
			   unsigned fields)
{
	struct inodes *t = &fs->inodes;

	inodes_lock(t);
	meta_update(&inode->meta, meta, fields);
	if (inode->name)
		name_touch_locked(t, inode->name);
	inodes_unlock(t);
}

/* Evicted or removed since we looked: the kernel shall look again. */
static int gone_meanwhile(struct fs *fs, struct inode *inode, pid_t tid)
{
	inodes_lock(&fs->inodes);
	inode_retire_locked(&fs->inodes, inode);
	bool answers = lookup_answers_locked(fs, inode, tid);
	inodes_unlock(&fs->inodes);
	return answers ? 0 : -ESTALE;
}

int metadata_change(struct fs *fs, struct inode *inode, pid_t tid,
		    const struct metadata_change *change)
{
	struct inodes *t = &fs->inodes;
	struct key_buffer key;
	struct meta meta = { 0 };

	lookup_recheck(fs, inode);
	inodes_lock(t);
	int rc = lookup_answers_locked(fs, inode, tid) ? 0 : -ESTALE;
	bool stored = rc == 0 && stands_for_entry_locked(inode) &&
		      inode_key_locked(t, inode, &key) == 0;
	bool stale = inode->state == INODE_STALE;
	uint64_t ino = inode->meta.ino;
	meta_copy(&meta, &inode->meta);
	inodes_unlock(t);

	unsigned fields = change->fields | META_TIMES;
	if (rc == 0) {
		meta.ctime = time_now();
		rc = change->change(change->self, &meta);
	}
	if (rc == 0 && stored && (!stale || is_same_file(fs, &key, ino))) {
		rc = layered_touch(fs->cache, key_make(key.bytes, key.size), &meta, fields, NULL);
		if (rc == -ENOENT)
			rc = gone_meanwhile(fs, inode, tid);
	}
	if (rc == 0)
		store_in_inode(fs, inode, &meta, fields);
	meta_fini(&meta);
	return rc;
}

struct ttl_change {
	struct fs *fs;
	int64_t ttl_ms;
};

static int change_expiry(void *self, struct meta *meta)
{
	struct ttl_change *c = self;

	meta->expires_ms = c->ttl_ms < 0 ? 0 : time_wall_ms(c->fs->time) + c->ttl_ms;
	return 0;
}

int metadata_set_ttl(struct fs *fs, struct inode *inode, pid_t tid, int64_t ttl_ms)
{
	struct inodes *t = &fs->inodes;
	struct ttl_change c = { fs, ttl_ms };
	struct metadata_change change = { META_EXPIRY, change_expiry, &c };
	int rc = metadata_change(fs, inode, tid, &change);

	if (rc < 0)
		return rc;
	inodes_lock(t);
	if (inode->state == INODE_PRIVATE)
		inode->ttl_ms = ttl_ms;
	/* The kernel holds name and attributes for longer than the entry may now live. */
	if (inode->name && ttl_ms >= 0)
		notifier_inval_entry(fs->notifier, inode_id(t, inode->name->dir), inode->name->text,
				     inode->name->size);
	inodes_unlock(t);
	if (ttl_ms >= 0) {
		waiting_begin(); /* the kernel may first want another request answered */
		notifier_flush(fs->notifier, NOTIFY_WAIT_MS);
	}
	return 0;
}

int metadata_peek(struct fs *fs, struct inode *inode, struct meta *meta)
{
	struct inodes *t = &fs->inodes;
	struct key_buffer key;

	inodes_lock(t);
	bool stored = stands_for_entry_locked(inode) && inode_key_locked(t, inode, &key) == 0;
	if (!stored)
		meta_copy(meta, &inode->meta);
	inodes_unlock(t);
	return stored ? layered_stat(fs->cache, key_make(key.bytes, key.size), meta) : 0;
}
