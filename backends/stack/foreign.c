/* See foreign.h. */
#include "stack/foreign.h"

void foreign_init(struct foreign *f)
{
	lock_init(&f->lock, RANK_ADMISSION);
}

void foreign_fini(struct foreign *f)
{
	lock_fini(&f->lock);
}

void foreign_note(struct foreign *f, struct key key)
{
	lock_take(&f->lock);
	uint64_t count = atomic_load(&f->count);
	atomic_store(&f->hashes[count % FOREIGN_KEPT], key.size > 0 ? key_hash(key) : 0);
	atomic_store_explicit(&f->count, count + 1, memory_order_release);
	lock_release(&f->lock);
}

bool foreign_since(const struct foreign *f, uint64_t instant, struct key key, bool prefix)
{
	uint64_t now = foreign_now(f);

	if (now == instant)
		return false;
	if (prefix)
		return true;
	uint64_t hash = key_hash(key);
	for (uint64_t i = instant; i < now; i++) {
		uint64_t one = atomic_load(&f->hashes[i % FOREIGN_KEPT]);
		if (one == 0 || one == hash)
			return true;
	}
	/* Written over while they were read, or before. */
	return foreign_now(f) - instant >= FOREIGN_KEPT;
}
