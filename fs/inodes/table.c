/* See table.h. */
#include "inodes/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "inodes/saved.h"

enum { BUCKETS_MIN = 256, HEAP_COPIES = 256 };

/* What was let go of under the lock. */
struct graveyard {
	struct graveyard *next;
	struct value *value;
	struct meta meta;
	struct working_copy copy;
	struct saved *saved;
	struct inode *inode;
};

static void free_inode(struct inode *inode)
{
	value_unref(inode->value);
	meta_fini(&inode->meta);
	working_copy_fini(&inode->content.copy);
	lock_fini(&inode->content.lock);
	free(inode);
}

int inodes_init(struct inodes *t, uint64_t heap_max, const struct time_source *time,
		const struct view *dir_view, const struct view *file_view)
{
	*t = (struct inodes){ .bucket_count = BUCKETS_MIN,
			      .dir_view = dir_view,
			      .file_view = file_view,
			      .time = time };
	t->buckets = calloc(t->bucket_count, sizeof(*t->buckets));
	if (!t->buckets)
		return -ENOMEM;
	lock_init(&t->lock, RANK_INODES);
	condition_init(&t->changed);
	condition_init(&t->rest_begins);
	TAILQ_INIT(&t->resting);
	TAILQ_INIT(&t->restless);
	t->copies.heap_max_bytes = heap_max;
	t->copies.heap_total_bytes = heap_max * HEAP_COPIES;
	t->root.kind = INODE_DIR;
	t->root.table = t;
	t->root.view = dir_view;
	t->root.lookups = 1;
	t->root.dir_rmdir = -1;
	return 0;
}

static struct graveyard *bury(struct inodes *t)
{
	struct graveyard *g = calloc(1, sizeof(*g));

	/* Without a few bytes nothing can be freed either: it leaks rather than blocks everybody.
	 */
	if (!g)
		return NULL;
	g->copy = (struct working_copy){ .fd = -1, .spare = -1 };
	g->next = t->graveyard;
	t->graveyard = g;
	return g;
}

void inodes_bury_value_locked(struct inodes *t, struct value *value)
{
	struct graveyard *g = value ? bury(t) : NULL;

	assert(lock_is_held(&t->lock));
	if (g)
		g->value = value;
}

void inodes_bury_meta_locked(struct inodes *t, struct meta *meta)
{
	struct graveyard *g = meta->xattrs ? bury(t) : NULL;

	assert(lock_is_held(&t->lock));
	if (g)
		g->meta = *meta;
	*meta = (struct meta){ 0 };
}

void inodes_bury_content_locked(struct inodes *t, struct working_copy *copy)
{
	struct graveyard *g = bury(t);

	assert(lock_is_held(&t->lock));
	if (g)
		g->copy = *copy;
	*copy = (struct working_copy){ .fd = -1, .spare = -1 };
}

void inodes_bury_inode_locked(struct inodes *t, struct inode *inode)
{
	struct graveyard *g = bury(t);

	assert(lock_is_held(&t->lock));
	if (g)
		g->inode = inode;
}

void inode_bury_saved_locked(struct inodes *t, struct inode *inode)
{
	struct graveyard *g = inode->scratch.saved && !inode->scratch.saving ? bury(t) : NULL;

	assert(lock_is_held(&t->lock));
	if (!g)
		return; /* or its thread does it */
	g->saved = inode->scratch.saved;
	inode->scratch.saved = NULL;
}

void inodes_lock(struct inodes *t)
{
	lock_take(&t->lock);
}

void inodes_unlock(struct inodes *t)
{
	struct graveyard *g = t->graveyard;

	t->graveyard = NULL;
	lock_release(&t->lock);
	while (g) {
		struct graveyard *next = g->next;
		value_unref(g->value);
		meta_fini(&g->meta);
		working_copy_fini(&g->copy);
		saved_free(g->saved);
		if (g->inode)
			free_inode(g->inode);
		free(g);
		g = next;
	}
}

bool inodes_wait_locked(struct inodes *t, const struct deadline *deadline)
{
	assert(lock_is_held(&t->lock));
	return !t->stopping && condition_wait_until(&t->changed, &t->lock, deadline);
}

void inodes_changed_locked(struct inodes *t)
{
	assert(lock_is_held(&t->lock));
	pthread_cond_broadcast(&t->changed);
}

uint64_t inode_id(const struct inodes *t, const struct inode *inode)
{
	return inode == &t->root ? 1 : (uint64_t)(uintptr_t)inode;
}

struct inode *inode_at(struct inodes *t, uint64_t id)
{
	return id == 1 ? &t->root : (struct inode *)(uintptr_t)id;
}

void inodes_fini(struct inodes *t)
{
	assert(!t->tickets);
	/* The kernel sends no FORGETs at unmount: what is left goes now, in any order. */
	while (t->all) {
		struct inode *inode = t->all;
		t->all = inode->next;
		free_inode(inode);
	}
	for (size_t i = 0; i < t->bucket_count; i++) {
		while (t->buckets[i]) {
			struct name *n = t->buckets[i];
			t->buckets[i] = n->next_hash;
			free(n);
		}
	}
	meta_fini(&t->root.meta);
	free(t->buckets);
	lock_fini(&t->lock);
	pthread_cond_destroy(&t->changed);
	pthread_cond_destroy(&t->rest_begins);
}
