/* See unowned.h. */
#include "verbs/unowned.h"

#include <assert.h>
#include <stdlib.h>

#include "verbs/handle.h"

static void add_scratch_locked(const struct inodes *t, struct unowned *u)
{
	const struct scratch_files *lists[] = { &t->resting, &t->restless };
	const struct inode *inode;

	assert(lock_is_held(&t->lock));
	for (size_t i = 0; i < 2; i++)
		TAILQ_FOREACH(inode, lists[i], scratch.in_list)
		{
			u->scratch_bytes += inode->writers == 0 ? inode->meta.size : 0;
			u->synced_bytes += inode->scratch.saved ? inode->meta.size : 0;
		}
}

/* Each inode once, however many have it open. */
static uint64_t unlinked_bytes_locked(struct fs *fs)
{
	uint64_t bytes = 0, round = ++fs->inodes.count_rounds;

	assert(lock_is_held(&fs->inodes.lock));
	for (const struct handle *h = fs->handles; h; h = h->next) {
		struct inode *inode = h->inode;
		bool shown = inode->name && inode->state == INODE_VERSION;
		if (!h->value || inode->kind != INODE_FILE || shown || inode->counted == round)
			continue;
		inode->counted = round;
		bytes += value_size(h->value);
	}
	return bytes;
}

void unowned_read(struct fs *fs, struct unowned *u)
{
	struct inodes *t = &fs->inodes;
	struct cache_stats stats = { 0 };

	*u = (struct unowned){ .pending_bytes = atomic_load(&t->copies.bytes),
			       .pending_max = t->copies.max_bytes,
			       .synced_bytes = atomic_load(&fs->rest.left_bytes) };
	inodes_lock(t);
	add_scratch_locked(t, u);
	u->unlinked_bytes = unlinked_bytes_locked(fs);
	inodes_unlock(t);
	if (layered_stats(fs->cache, &stats) == 0)
		u->journal_bytes = stats.journal.bytes;
	free(stats.layers);
}

uint64_t unowned_bytes(const struct unowned *u)
{
	return u->pending_bytes + u->unlinked_bytes + u->synced_bytes + u->journal_bytes;
}
