/* See metadata.h. */
#include "verbs/metadata.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/log.h"
#include "verbs/answer.h"
#include "verbs/ask.h"
#include "verbs/tell.h"

/* Whether the entry in the layers is the one this inode stands for. */
static bool stands_for_entry_locked(const struct inode *inode)
{
	assert(lock_is_held(&inode->table->lock));
	if (!inode->name)
		return false;
	return !inode_is_private(inode) || (inode->published && inode->name->holder == inode);
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

void metadata_wrote(struct fs *fs, struct inode *inode, uid_t uid)
{
	if (uid == 0)
		return;
	inodes_lock(&fs->inodes);
	uint32_t bits = meta_privileges(&inode->meta);
	inode->meta.mode &= ~bits;
	inode->privileges_cleared |= bits;
	inodes_unlock(&fs->inodes);
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
	assert(lock_is_held(&c->fs->inodes.lock));
	meta_update(&c->inode->meta, &c->meta, c->fields);
	inode_note_unstored_locked(c->inode);
	if (c->fields & META_MODE)
		c->inode->privileges_cleared = 0; /* whoever gives them after a write has them */
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

	answer_recheck(fs, inode);
	do {
		meta_fini(&c.meta);
		inodes_lock(t);
		bool answers = answer_serves_locked(fs, inode, tid);
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
		rc = answer_gone(fs, inode, tid);
	return rc == -ECANCELED ? 0 : rc;
}

/* The own end of what is not published yet, or that waits to be the entry's; else what is stored.
 */
static struct end own_end_locked(struct fs *fs, const struct inode *inode)
{
	bool fresh = inode_is_private(inode) &&
		     __atomic_load_n(&inode->content.fresh, __ATOMIC_RELAXED);
	struct end wish = end_none();

	assert(lock_is_held(&fs->inodes.lock));
	if (inode->given_how == GIVEN_WAITS)
		return inode->given;
	if (inode_is_scratch(inode))
		return inode_scratch_end_locked(inode);
	if (!fresh)
		return inode->meta.own;
	if (inode->given_how != GIVEN_NOTHING)
		wish = inode->given;
	else if (inode->name)
		wish = inode_default_end_locked(inode->name->dir);
	return end_of_wish(wish, time_instant(fs->time));
}

struct end_change {
	struct fs *fs;
	struct inode *inode;
	struct end wish;
	int flags; /* of setxattr(2) */
};

static int check_flags_locked(const struct end_change *c)
{
	bool exists = end_kind(own_end_locked(c->fs, c->inode)) != END_NONE;

	assert(lock_is_held(&c->fs->inodes.lock));
	if ((c->flags & XATTR_CREATE) && exists)
		return -EEXIST;
	return (c->flags & XATTR_REPLACE) && !exists ? -ENODATA : 0;
}

static int change_end(void *self, struct meta *meta)
{
	struct end_change *c = self;

	inodes_lock(&c->fs->inodes);
	int rc = check_flags_locked(c);
	inodes_unlock(&c->fs->inodes);
	if (rc == 0)
		meta->own = meta->copy = end_of_wish(c->wish, time_instant(c->fs->time));
	return rc;
}

/*
 * rsync(1) opens a file, gives it its attributes, and sets its times by its name; tar(1) makes one,
 * gives it its attributes, and only then opens it to write. With an end in the past both would find
 * no file. Such an end waits for the close; that of a scratch file until it is an entry.
 */
static bool waits_for_close_locked(const struct end_change *c)
{
	const struct inode *inode = c->inode;
	bool over = end_kind(c->wish) == END_MOMENT &&
		    end_is_over(c->wish, time_instant(c->fs->time));
	bool is_open = inode->readers + inode->writers > 0;

	assert(lock_is_held(&c->fs->inodes.lock));
	if (!over || inode_is_scratch(inode))
		return over;
	if (inode->state == INODE_VERSION)
		return is_open || inode->made;
	return is_open && (inode->state == INODE_STALE || stands_for_entry_locked(inode));
}

/* Keeps the wish if it has to wait. 0: it has not; -ECANCELED: it has; or another -errno. */
static int keep_for_close(const struct end_change *c)
{
	struct inodes *t = &c->fs->inodes;
	int rc = 0;

	inodes_lock(t);
	if (waits_for_close_locked(c)) {
		rc = check_flags_locked(c);
		if (rc == 0) {
			c->inode->given = c->wish;
			c->inode->given_how = GIVEN_WAITS;
			rc = -ECANCELED;
		}
	}
	inodes_unlock(t);
	return rc;
}

static int set_end_now(struct end_change *c, pid_t tid)
{
	struct fs *fs = c->fs;
	struct inode *inode = c->inode;
	struct inodes *t = &fs->inodes;
	struct metadata_change change = { META_EXPIRY, change_end, c };
	int rc = metadata_change(fs, inode, tid, &change);

	if (rc < 0)
		return rc;
	inodes_lock(t);
	inode->given = inode_is_scratch(inode) ? inode->meta.own : c->wish;
	inode->given_how = inode_is_private(inode) || inode->made ? GIVEN : GIVEN_NOTHING;
	/*
	 * The kernel holds name and attributes for longer than the entry may now live. A made file
	 * must not be forgotten for that, and stat asks anew after a setxattr.
	 */
	bool held = inode->name && end_comes(c->wish) && !inode->made;
	if (held)
		tell_name_locked(fs, inode->name);
	inodes_unlock(t);
	if (held)
		tell_wait(fs);
	return 0;
}

int metadata_set_end(struct fs *fs, struct inode *inode, pid_t tid, struct end wish, int flags)
{
	struct end_change c = { fs, inode, wish, flags };
	int rc = keep_for_close(&c);

	if (rc == 0)
		rc = set_end_now(&c, tid);
	return rc == -ECANCELED ? 0 : rc;
}

bool metadata_end_waiting_locked(struct fs *fs, struct inode *inode)
{
	struct inodes *t = &fs->inodes;
	struct end_change c = { fs, inode, inode->given, 0 };
	struct name *name = inode->name;

	assert(lock_is_held(&fs->inodes.lock));
	if (inode->given_how != GIVEN_WAITS || inode->readers + inode->writers > 1 || inode->made ||
	    inode_is_scratch(inode))
		return false;
	inode->given_how = GIVEN_NOTHING;
	if (name)
		name_publishing_locked(name);
	inodes_unlock(t);
	int rc = set_end_now(&c, 0);
	if (rc < 0 && rc != -ENOENT)
		log_warning("an end could not be stored after the last close: %s", strerror(-rc));
	inodes_lock(t);
	if (name)
		name_published_locked(t, name);
	return true;
}

/*
 * Asks the layers about the entry that the inode stands for. 0, and an answer; 0 and *itself: it
 * stands for none, or is open and has nothing but itself; or -errno.
 */
static int ask_of_entry(struct fs *fs, struct inode *inode, pid_t tid,
			int (*ask)(void *self, struct key key), void *self, bool *itself)
{
	struct inodes *t = &fs->inodes;
	struct key_buffer key;
	struct name_read read = { .t = t, .inode = inode, .ask = ask, .self = self, .key = &key };

	inodes_lock(t);
	*itself = !stands_for_entry_locked(inode) || inode_key_locked(t, inode, &key) < 0;
	int rc = *itself ? 0 : name_read_locked(&read);
	inodes_unlock(t);
	if (rc != -ENOENT)
		return rc;
	rc = answer_gone(fs, inode, tid);
	*itself = rc == 0;
	return rc;
}

int metadata_peek(struct fs *fs, struct inode *inode, pid_t tid, struct meta *meta)
{
	bool itself;
	struct entry_ask ask = { .cache = fs->cache, .meta = meta };
	int rc = ask_of_entry(fs, inode, tid, ask_entry, &ask, &itself);

	if (rc < 0)
		return rc;
	inodes_lock(&fs->inodes);
	if (itself)
		meta_copy(meta, &inode->meta);
	if (itself || inode->given_how == GIVEN_WAITS)
		meta->own = own_end_locked(fs, inode);
	inodes_unlock(&fs->inodes);
	return 0;
}

struct ends {
	struct layered *cache;
	struct end own, copy;
};

static int ask_ends(void *self, struct key key)
{
	struct ends *ends = self;

	return layered_end(ends->cache, key, &ends->own, &ends->copy);
}

int metadata_end(struct fs *fs, struct inode *inode, pid_t tid, struct end *own, struct end *end)
{
	struct ends ends = { .cache = fs->cache };
	bool itself;
	int rc = ask_of_entry(fs, inode, tid, ask_ends, &ends, &itself);

	if (rc < 0)
		return rc;
	inodes_lock(&fs->inodes);
	if (itself || inode->given_how == GIVEN_WAITS)
		ends.own = ends.copy = own_end_locked(fs, inode);
	inodes_unlock(&fs->inodes);
	*own = ends.own;
	*end = ends.copy;
	return 0;
}
