/* See metadata.h. */
#include "metadata.h"

#include <errno.h>
#include <string.h>

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

/* One change; all but `key` is set up before it is admitted. */
struct changing {
	struct fs *fs;
	struct inode *inode;
	const struct metadata_change *change;
	struct key_buffer key;
	struct meta meta; /* the result */
	unsigned fields;
};

static void changed_locked(struct changing *c)
{
	meta_update(&c->inode->meta, &c->meta, c->fields);
	if (c->inode->name)
		name_touch_locked(&c->fs->inodes, c->inode->name);
}

static int change_meta(struct changing *c)
{
	c->meta.ctime = time_now();
	return c->change->change(c->change->self, &c->meta);
}

/*
 * Admitted, so no publish of the key is under way: one that had taken the metadata before the
 * change and is not done yet would put the old ones back. 0: the entry is to be changed too;
 * -ECANCELED: done, it does not stand for the entry; -EAGAIN: renamed while we waited.
 */
static int changing_prepare(void *self)
{
	struct changing *c = self;
	struct inodes *t = &c->fs->inodes;

	inodes_lock(t);
	int rc = inode_check_key_locked(t, c->inode, key_make(c->key.bytes, c->key.size));
	/* No key: a directory on the way was removed. */
	bool stands = rc == 0 && stands_for_entry_locked(c->inode);
	bool stale = c->inode->state == INODE_STALE;
	uint64_t ino = c->inode->meta.ino;
	meta_copy(&c->meta, &c->inode->meta);
	inodes_unlock(t);
	if (rc == -EAGAIN)
		return rc;
	rc = change_meta(c);
	if (rc < 0 || (stands && (!stale || is_same_file(c->fs, &c->key, ino))))
		return rc;
	inodes_lock(t);
	changed_locked(c);
	inodes_unlock(t);
	return -ECANCELED;
}

static void changing_done(void *self, int rc)
{
	struct changing *c = self;

	if (rc < 0)
		return;
	inodes_lock(&c->fs->inodes);
	changed_locked(c);
	inodes_unlock(&c->fs->inodes);
}

/* An unlinked file has nothing but its inode. */
static int change_unnamed(struct changing *c)
{
	struct inodes *t = &c->fs->inodes;

	inodes_lock(t);
	meta_copy(&c->meta, &c->inode->meta);
	inodes_unlock(t);
	int rc = change_meta(c);
	if (rc < 0)
		return rc;
	inodes_lock(t);
	changed_locked(c);
	inodes_unlock(t);
	return 0;
}

int metadata_change(struct fs *fs, struct inode *inode, pid_t tid,
		    const struct metadata_change *change)
{
	struct inodes *t = &fs->inodes;
	struct changing c = { fs, inode, change, .fields = change->fields | META_TIMES };
	const struct layered_hooks hooks = { changing_prepare, changing_done, &c };
	int rc;

	lookup_recheck(fs, inode);
	do {
		meta_fini(&c.meta);
		inodes_lock(t);
		bool answers = lookup_answers_locked(fs, inode, tid);
		bool named = inode_key_locked(t, inode, &c.key) == 0;
		inodes_unlock(t);
		if (!answers)
			rc = -ESTALE;
		else if (!named)
			rc = change_unnamed(&c);
		else
			rc = layered_touch(fs->cache, key_make(c.key.bytes, c.key.size), &c.meta,
					   c.fields, &hooks);
	} while (rc == -EAGAIN);
	meta_fini(&c.meta);
	if (rc == -ENOENT) /* evicted or removed since we looked */
		rc = lookup_gone(fs, inode, tid);
	return rc == -ECANCELED ? 0 : rc;
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

int metadata_peek(struct fs *fs, struct inode *inode, pid_t tid, struct meta *meta)
{
	struct inodes *t = &fs->inodes;
	struct key_buffer buffer;
	bool stored;
	int rc = 0;

	for (;;) {
		inodes_lock(t);
		stored = stands_for_entry_locked(inode) && inode_key_locked(t, inode, &buffer) == 0;
		inodes_unlock(t);
		if (!stored)
			break;
		struct key key = key_make(buffer.bytes, buffer.size);
		rc = layered_stat(fs->cache, key, meta);
		if (rc == 0)
			return 0;
		if (rc != -ENOENT || !inode_is_elsewhere(t, inode, key))
			break;
	}
	if (stored && rc == -ENOENT)
		rc = lookup_gone(fs, inode, tid);
	if (stored && rc < 0)
		return rc;
	inodes_lock(t);
	meta_copy(meta, &inode->meta);
	inodes_unlock(t);
	return 0;
}
