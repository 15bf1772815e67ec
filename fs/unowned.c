/* See unowned.h. */
#include "unowned.h"

#include <stdlib.h>

#include "handle.h"

static uint64_t scratch_bytes_locked(const struct inodes *t)
{
	const struct scratch_files *lists[] = { &t->resting, &t->restless };
	const struct inode *inode;
	uint64_t bytes = 0;

	for (size_t i = 0; i < 2; i++)
		TAILQ_FOREACH(inode, lists[i], in_scratch)
	if (inode->writers == 0)
		bytes += inode->meta.size;
	return bytes;
}

/* Each inode once, however many have it open. */
static uint64_t unlinked_bytes_locked(struct fs *fs)
{
	uint64_t bytes = 0, round = ++fs->inodes.count_rounds;

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
			       .pending_max = t->copies.max_bytes };
	inodes_lock(t);
	u->scratch_bytes = scratch_bytes_locked(t);
	u->unlinked_bytes = unlinked_bytes_locked(fs);
	inodes_unlock(t);
	if (layered_stats(fs->cache, &stats) == 0)
		u->journal_bytes = stats.journal.bytes;
	free(stats.layers);
}

uint64_t unowned_bytes(const struct unowned *u)
{
	return u->pending_bytes + u->unlinked_bytes + u->journal_bytes;
}
