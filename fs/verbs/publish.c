/* See publish.h. */
#include "verbs/publish.h"

#include "verbs/tell.h"

#include <assert.h>
#include <errno.h>

struct publishing {
	struct fs *fs;
	struct inode *inode;
	struct key key;
	struct name *to; /* of a scratch file that is renamed; else NULL */
	struct key to_key;
	enum publish_how how;
	bool froze; /* the content was taken */
	bool was_fresh;
	struct end given; /* the inode's, as it was when the metadata were filled */
};

/* Takes what there is to publish. -ECANCELED: nothing. */
static int freeze_content(struct publishing *p, struct value **value)
{
	struct content *c = &p->inode->content;
	int rc = -ECANCELED;

	inode_content_lock(p->inode);
	/* A scratch file is what it is, whoever wrote it and however that ended. */
	bool withheld = c->withheld && !p->to;
	if (withheld && c->failure < 0)
		rc = c->failure; /* a close after a failed fsync fails as well */
	if (c->live && !withheld && (c->dirty || c->fresh)) {
		*value = working_copy_freeze(&c->copy);
		if (p->to) /* it stays what it is until it is stored */
			working_copy_hold(&c->copy);
		rc = shortage_note(&p->fs->freezes, p->fs->time, "publish the content of a file",
				   *value ? 0 : -ENOMEM);
		c->withheld = !*value;
		c->failure = rc;
	}
	if (rc == 0) {
		p->froze = true;
		p->was_fresh = c->fresh;
		__atomic_store_n(&c->in_flight, true, __ATOMIC_RELAXED);
		__atomic_store_n(&c->dirty, false, __ATOMIC_RELAXED);
		__atomic_store_n(&c->fresh, false, __ATOMIC_RELAXED);
	}
	inode_content_unlock(p->inode);
	return rc;
}

static bool is_in_place(const struct publishing *p)
{
	return p->how == PUBLISH_IN_PLACE || p->how == PUBLISH_AT_END;
}

/* A set of its own metadata, or a change of an entry that keeps what others did to its metadata
 * meanwhile. */
static void fill_meta_locked(struct publishing *p, const struct meta *now, struct meta *meta)
{
	const struct inode *inode = p->inode;
	bool keeps = !p->was_fresh && now && now->ino == inode->meta.ino;
	struct instant instant = time_instant(p->fs->time);

	assert(lock_is_held(&p->fs->inodes.lock));
	meta_copy(meta, keeps ? now : &inode->meta);
	meta->mode &= ~inode->privileges_cleared;
	meta->ino = inode->ino;
	meta->mtime = inode->meta.mtime;
	meta->version = inode->meta.version;
	if (now && now->version > meta->version)
		meta->version = now->version;
	meta->version++;
	p->given = inode->given;
	if (p->was_fresh) {
		const struct name *name = p->to ? p->to : inode->name;
		struct end wish = inode->given_how != GIVEN_NOTHING
					  ? inode->given
					  : inode_default_end_locked(name->dir);
		meta->own = end_of_wish(wish, instant);
		if (p->to && inode->given_how != GIVEN_NOTHING)
			meta->own = inode->given;
		else if (is_in_place(p))
			meta->own = inode->meta.own;
		meta->created_ms = instant.wall_ms;
		meta->hits = 0;
	} else if (inode->given_how != GIVEN_NOTHING && end_kind(inode->given) == END_MOMENT) {
		meta->own = inode->given;
	}
}

static int publish_prepare(void *self, const struct meta *now, struct value **value,
			   struct meta *meta)
{
	struct publishing *p = self;
	struct inodes *t = &p->fs->inodes;
	int rc = inode_check_key(t, p->inode, p->key);

	if (rc < 0)
		return rc == -ENOENT ? -ECANCELED
				     : rc; /* unlinked: a stale fill must not resurrect it */
	rc = freeze_content(p, value);
	if (rc < 0)
		return rc;
	inodes_lock(t);
	if (p->inode->name)
		fill_meta_locked(p, now, meta);
	else
		rc = -ECANCELED;
	inodes_unlock(t);
	meta->ctime = time_now();
	return rc;
}

/* An end that waits for the last close of another inode of this name was given to the value before.
 */
static void drop_waiting_ends_locked(const struct inode *set)
{
	struct inode *lists[] = { set->name->stale, set->name->privates };

	assert(lock_is_held(&set->table->lock));
	for (size_t i = 0; i < 2; i++)
		for (struct inode *n = lists[i]; n; n = n->next_of_name)
			if (n != set && n->given_how == GIVEN_WAITS)
				n->given_how = GIVEN_NOTHING;
}

/* The inode's content is now the key's value: all else that presented the key is out of date. */
static void published_locked(struct publishing *p, const struct meta *stored)
{
	struct inodes *t = &p->fs->inodes;
	struct inode *inode = p->inode;
	struct name *name = inode->name;
	struct meta old = inode->meta;

	assert(lock_is_held(&p->fs->inodes.lock));
	meta_copy(&inode->meta, stored);
	if (inode_has_news_locked(inode)) { /* written on since: stat shows that */
		inode->meta.size = old.size;
		inode->meta.mtime = old.mtime;
		if (inode->privileges_cleared)
			inode->meta.mode = old.mode;
	} else {
		inode->privileges_cleared = 0;
	}
	inodes_bury_meta_locked(t, &old);
	inode->published = true;
	if (end_equal(inode->given, p->given))
		inode->given_how = GIVEN_NOTHING;
	if (!name)
		return; /* unlinked since; its remove waits for our admission to end */
	struct inode *before = name->version;
	if (before && before != inode) {
		inode_retire_locked(t, before);
		if (before->lookups > 0)
			tell_name_locked(p->fs, name);
	}
	if (p->was_fresh)
		drop_waiting_ends_locked(inode);
	if (inode_is_private(inode))
		name->holder = inode;
	name->unlinked = false;
	name_touch_locked(t, name);
}

static void publish_done(void *self, int rc, const struct meta *stored)
{
	struct publishing *p = self;
	struct content *c = &p->inode->content;

	if (rc == 0) {
		inodes_lock(&p->fs->inodes);
		published_locked(p, stored);
		__atomic_store_n(&c->in_flight, false, __ATOMIC_RELAXED);
		inodes_unlock(&p->fs->inodes);
		return;
	}
	if (!p->froze)
		return;
	p->froze = false;
	inode_content_lock(p->inode);
	__atomic_store_n(&c->in_flight, false, __ATOMIC_RELAXED);
	__atomic_store_n(&c->dirty, true, __ATOMIC_RELAXED);
	__atomic_store_n(&c->fresh, p->was_fresh, __ATOMIC_RELAXED);
	c->withheld = rc != -ECANCELED;
	c->failure = rc != -ECANCELED ? rc : 0;
	inode_content_unlock(p->inode);
}

int publish(struct fs *fs, struct inode *inode, struct key key)
{
	struct publishing p = { .fs = fs, .inode = inode, .key = key };
	struct layered_change change = { publish_prepare, publish_done, &p };

	return layered_set(fs->cache, key, &change);
}

/* --- a scratch file becomes an entry ---------------------------------------------------------- */

/* -EAGAIN: it is on its way already, or not where it was. */
static int check_scratch_locked(const struct publishing *p, bool exists)
{
	const struct inode *inode = p->inode;
	int rc = name_check_key_locked(&p->fs->inodes, p->to, p->to_key);

	assert(lock_is_held(&p->fs->inodes.lock));
	if (!inode_is_scratch(inode))
		return -ENOENT;
	if (rc < 0)
		return rc;
	if (p->how == PUBLISH_NOREPLACE && (exists || name_pending_locked(p->to)))
		return -EEXIST;
	if (__atomic_load_n(&inode->content.in_flight, __ATOMIC_RELAXED) ||
	    (is_in_place(p) && inode->name != p->to))
		return -EAGAIN;
	return p->how == PUBLISH_IN_PLACE && inode->writers > 0 ? -EBUSY : 0;
}

static int publish_as_prepare(void *self, const struct meta *now, struct value **value,
			      struct meta *meta)
{
	struct publishing *p = self;
	struct inodes *t = &p->fs->inodes;

	inodes_lock(t);
	int rc = check_scratch_locked(p, now != NULL);
	inodes_unlock(t);
	if (rc == 0)
		rc = freeze_content(p, value);
	if (rc < 0)
		return rc == -ECANCELED ? -EIO : rc;
	inodes_lock(t);
	fill_meta_locked(p, now, meta);
	inodes_unlock(t);
	meta->ctime = time_now();
	return 0;
}

/* Whether it goes on as a scratch file, of which the layers have a copy: a lock; or somebody has
 * opened it meanwhile. */
static bool goes_on_locked(const struct publishing *p)
{
	const struct inode *inode = p->inode;

	assert(lock_is_held(&p->fs->inodes.lock));
	return p->how == PUBLISH_IN_PLACE && (name_is_lock(inode->name) || inode->writers > 0 ||
					      inode->tickets > 0 || inode_has_news_locked(inode));
}

static void stored_locked(struct publishing *p, const struct meta *stored)
{
	struct inodes *t = &p->fs->inodes;
	struct inode *inode = p->inode;

	assert(lock_is_held(&p->fs->inodes.lock));
	if (inode_is_scratch(inode) && !is_in_place(p))
		name_move_files_locked(t, inode->name, p->to, true);
	published_locked(p, stored);
	__atomic_store_n(&inode->content.in_flight, false, __ATOMIC_RELAXED);
	if (inode_is_scratch(inode) && goes_on_locked(p)) {
		inode->scratch.has_copy = true;
		inode->published = false;
		inode_bury_saved_locked(t, inode);
	} else if (inode_is_scratch(inode)) {
		inode_end_scratch_locked(t, inode);
	}
}

static bool is_saved(struct inodes *t, const struct inode *inode)
{
	inodes_lock(t);
	bool saved = inode->scratch.saved;
	inodes_unlock(t);
	return saved;
}

static void publish_as_done(void *self, int rc, const struct meta *stored)
{
	struct publishing *p = self;
	struct inodes *t = &p->fs->inodes;
	struct inode *inode = p->inode;
	struct content *c = &inode->content;

	if (rc < 0) {
		bool froze = p->froze;
		publish_done(p, rc, NULL);
		inode_content_lock(inode);
		if (froze) { /* a scratch file is good for another try */
			c->withheld = false;
			c->failure = 0;
		}
		inode_content_unlock(inode);
		return;
	}
	if (is_saved(t, inode)) /* it was synced, and its file is no longer needed then */
		layered_sync(p->fs->cache);
	inode_content_lock(inode);
	inodes_lock(t);
	stored_locked(p, stored);
	if (c->live && !inode_is_scratch(inode))
		working_copy_let_go(&c->copy);
	inodes_unlock(t);
	inode_content_unlock(inode);
}

int publish_as(struct fs *fs, struct inode *inode, struct name *to, struct key key,
	       enum publish_how how)
{
	struct publishing p = { .fs = fs, .inode = inode, .to = to, .to_key = key, .how = how };
	struct layered_change change = { publish_as_prepare, publish_as_done, &p };

	return layered_set(fs->cache, key, &change);
}
