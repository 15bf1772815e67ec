/* How an open file ends: which content its closes publish. See handle_close.h. */
#include "verbs/handle_close.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "verbs/metadata.h"
#include "verbs/write_out.h"
#include "verbs/scratch_saved.h"
#include "verbs/tell.h"

/* --- close and fsync -------------------------------------------------------------------------- */

/* Nothing is published of it, so there is no half of anything either. */
static bool is_scratch_file(struct fs *fs, const struct inode *inode)
{
	inodes_lock(&fs->inodes);
	bool scratch = inode_is_scratch(inode);
	inodes_unlock(&fs->inodes);
	return scratch;
}

/*
 * What an opener that was killed left is nothing that its name could show, or that others could
 * write on: who still has the file open keeps it as one that was unlinked. (Not if another handle
 * writes it, or is about to, or it is being published.)
 */
static void leave_name(struct fs *fs, struct inode *inode)
{
	struct inodes *t = &fs->inodes;

	inodes_lock(t);
	struct name *name = inode->name;
	bool leaves = name && inode_is_private(inode) && inode->writers == 1 &&
		      inode->tickets == 0 &&
		      !__atomic_load_n(&inode->content.in_flight, __ATOMIC_RELAXED);
	if (leaves) {
		inode_detach_locked(t, inode);
		name_touch_locked(t, name);
		tell_name_locked(fs, name);
	}
	inodes_unlock(t);
	if (leaves)
		tell_wait(fs);
}

/* What its writers leave is no whole value: nothing of it is published until somebody writes on. */
static void withhold(struct fs *fs, struct handle *h)
{
	atomic_fetch_add(&fs->killed_writers, 1);
	inode_content_lock(h->inode);
	h->wrote = false;
	h->inode->content.withheld = true;
	bool lost = h->holders.opener_killed;
	inode_content_unlock(h->inode);
	if (lost)
		leave_name(fs, h->inode);
}

/* Publishes what came through this handle, and with it what others have made of the same copy. */
static int publish_news(struct fs *fs, struct handle *h)
{
	struct content *c = &h->inode->content;

	inode_content_lock(h->inode);
	bool lost = h->holders.opener_killed;
	if (h->wrote && !lost && c->failure == 0)
		c->withheld = false; /* another one's end is not ours */
	inode_content_unlock(h->inode);
	int rc = lost ? -EIO : write_out(fs, h->inode);
	if (rc == 0) {
		inode_content_lock(h->inode);
		h->wrote = h->held_back = false;
		inode_content_unlock(h->inode);
	}
	return rc;
}

/* What a close finds unpublished: something written, or at least a set that was begun. */
struct unpublished {
	bool news, any;
};

/* A set that was never published is its writers': one who opened it, and wrote nothing, neither
 * ends it (touch(1) of a key that is being made) nor breaks it off. That it failed is told to all.
 */
static struct unpublished find_unpublished(struct fs *fs, struct handle *h)
{
	struct content *c = &h->inode->content;

	inode_content_lock(h->inode);
	struct unpublished u = { .news = h->wrote || (c->dirty && !c->fresh) || c->failure < 0 };
	u.any = u.news || (c->fresh && handle_is_only_writer(fs, h));
	inode_content_unlock(h->inode);
	return u;
}

static int end_of_close(struct fs *fs, struct handle *h, enum set_end end, struct unpublished u)
{
	switch (end) {
	case SET_GOES_ON:
		inode_content_lock(h->inode);
		h->held_back |= u.news;
		inode_content_unlock(h->inode);
		return 0;
	case SET_BROKEN_OFF:
		if (u.any)
			withhold(fs, h);
		return 0;
	case SET_ENDED:
		break;
	}
	return u.news ? publish_news(fs, h) : 0;
}

int handle_flush(struct fs *fs, struct handle *h, struct caller caller)
{
	if (!h->writer)
		return 0;
	if (h->poisoned)
		return h->poisoned;
	if (is_scratch_file(fs, h->inode))
		return write_out(fs, h->inode);
	struct unpublished u = find_unpublished(fs, h);
	inode_content_lock(h->inode);
	bool lost = h->holders.opener_killed, wrote = h->wrote;
	inode_content_unlock(h->inode);
	if (lost)
		return wrote ? -EIO : 0;
	enum set_end end = h->appends ? SET_ENDED : holders_at_close(fs, h, caller, u.news);
	return end_of_close(fs, h, end, u);
}

int handle_fsync(struct fs *fs, struct handle *h)
{
	int rc = h->poisoned;

	if (rc == 0 && h->writer && !is_scratch_file(fs, h->inode))
		rc = publish_news(fs, h); /* or it is one by now */
	if (rc == 0 && is_scratch_file(fs, h->inode))
		rc = scratch_save(fs, h->inode);
	else if (rc == 0)
		rc = layered_sync(fs->cache);
	return rc == -EAGAIN ? layered_sync(fs->cache) : rc;
}

/* --- the last close --------------------------------------------------------------------------- */

/* Whether this release has to publish, for no other writer will or its own closes did not, and
 * opens of the name have to wait for that. Returns the name, with a reference; or NULL. */
static struct name *begin_last_publish_locked(struct handle *h)
{
	struct inode *inode = h->inode;
	struct content *c = &inode->content;

	assert(lock_is_held(&h->inode->table->lock));
	if (!h->writer || h->holders.opener_killed || inode_is_scratch(inode) ||
	    !inode_is_private(inode) || !inode->name)
		return NULL;
	if (inode->writers > 1 && !h->held_back)
		return NULL;
	if (c->withheld || !(c->dirty || c->fresh))
		return NULL;
	h->publishes_last = true;
	name_publishing_locked(inode->name);
	return inode->name;
}

static void end_last_publish_locked(struct inodes *t, struct handle *h, struct name *name)
{
	assert(lock_is_held(&t->lock));
	h->publishes_last = false;
	name_published_locked(t, name);
}

/*
 * What no close has published. Ends with the lock held, and nothing left to publish: a writer that
 * leaves finds out whether it is the last in the same instant in which it goes, or of two that
 * leave together none would be.
 */
static void publish_last_locked(struct fs *fs, struct handle *h)
{
	struct inodes *t = &fs->inodes;
	struct name *name;
	bool goes_on = true;

	assert(lock_is_held(&fs->inodes.lock));
	while (goes_on && (name = begin_last_publish_locked(h))) {
		uint64_t at = name->changed_at;
		inodes_unlock(t);
		int rc = write_out(fs, h->inode);
		if (rc < 0)
			log_warning("an entry could not be stored after its last close: %s",
				    strerror(-rc));
		inodes_lock(t);
		goes_on = rc == 0 && name->changed_at != at;
		end_last_publish_locked(t, h, name);
	}
}

void handle_release(struct fs *fs, struct handle *h)
{
	struct inodes *t = &fs->inodes;
	struct inode *inode = h->inode;

	inodes_lock(t);
	do
		publish_last_locked(fs, h);
	while (metadata_end_waiting_locked(fs, inode));
	handle_remove_locked(fs, h);
	inodes_unlock(t);
	handle_free(h);
}
