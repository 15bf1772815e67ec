/* Scratch files among the inodes: what makes one, and when it rests. See inode.h. */
#include <assert.h>
#include <string.h>

#include "inodes/inode.h"

struct end inode_default_end_locked(const struct inode *dir)
{
	while (end_kind(dir->default_end) == END_NONE && dir->name)
		dir = dir->name->dir;
	return dir->default_end;
}

static bool is_fresh(const struct inode *inode)
{
	return __atomic_load_n(&inode->content.fresh, __ATOMIC_RELAXED);
}

/* It stays when its last handle is gone, and when the kernel forgets it. */
void inode_make_scratch_locked(struct inodes *t, struct inode *inode)
{
	struct content *c = &inode->content;

	assert(inode->state == INODE_PRIVATE && inode->name && !inode->scratch);
	inode->name->holder = inode;
	inode->name->unlinked = false;
	inode->scratch = true;
	inode->has_copy = inode->rests = false;
	inode->published = false;
	if (!is_fresh(inode))
		__atomic_store_n(&c->dirty, true, __ATOMIC_RELAXED);
	else if (inode->given_how == GIVEN_NOTHING)
		inode->meta.own = end_of_wish(inode_default_end_locked(inode->name->dir),
					      time_instant(&time_system));
	if (inode->given_how == GIVEN)
		inode->given = inode->meta.own;
	inode_pin_locked(inode);
	t->scratch_count++;
	inode->scratch_uid = inode->meta.uid;
	t->scratch_by_uid[inode->scratch_uid % SCRATCH_UIDS]++;
	TAILQ_INSERT_TAIL(&t->restless, inode, in_scratch);
	inode_rest_locked(t, inode);
}

static void leave_list(struct inodes *t, struct inode *inode)
{
	TAILQ_REMOVE(inode->rests ? &t->resting : &t->restless, inode, in_scratch);
}

void inode_end_scratch_locked(struct inodes *t, struct inode *inode)
{
	leave_list(t, inode);
	inode->scratch = inode->has_copy = inode->rests = false;
	if (inode->given_how == GIVEN) /* as an end it is the entry's, or goes with the file */
		inode->given_how = GIVEN_NOTHING;
	t->scratch_count--;
	t->scratch_by_uid[inode->scratch_uid % SCRATCH_UIDS]--;
	inode_bury_saved_locked(t, inode);
	inode_settle_locked(t, inode);
	inode_unpin_locked(t, inode);
}

bool inode_is_unstored_locked(const struct inode *inode)
{
	return !inode->has_copy || inode_has_news_locked(inode) || is_fresh(inode);
}

void inode_note_unstored_locked(struct inode *inode)
{
	if (inode->scratch && !is_fresh(inode))
		__atomic_store_n(&inode->content.dirty, true, __ATOMIC_RELAXED);
}

bool name_is_lock(const struct name *name)
{
	static const char suffix[] = ".lock";
	size_t size = sizeof(suffix) - 1;

	return name->size >= size && memcmp(name->text + name->size - size, suffix, size) == 0;
}

void inode_rest_locked(struct inodes *t, struct inode *inode)
{
	if (!inode->scratch)
		return;
	bool kept = name_is_lock(inode->name) && !inode_is_unstored_locked(inode);

	leave_list(t, inode);
	inode->rests = inode->writers == 0 && inode->meta.size > 0 && !kept;
	inode->rests_ms = time_mono_ms(&time_system);
	if (inode->rests && TAILQ_EMPTY(&t->resting))
		pthread_cond_signal(&t->rest_begins);
	TAILQ_INSERT_TAIL(inode->rests ? &t->resting : &t->restless, inode, in_scratch);
}

struct end inode_scratch_end_locked(const struct inode *inode)
{
	switch (inode->given_how) {
	case GIVEN_WAITS:
		return end_none();
	case GIVEN:
		return inode->given;
	case GIVEN_NOTHING:
	default:
		return inode->meta.own;
	}
}

bool inode_scratch_is_over_locked(const struct inode *inode)
{
	struct end end = inode_scratch_end_locked(inode);

	return end_comes(end) && end_is_over(end, time_instant(&time_system));
}
