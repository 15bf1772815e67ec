/* See frequency.h. */
#include "stack/frequency.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { SLOTS = 1 << 16, COUNT_BITS = 24, COUNT_MAX = (1 << COUNT_BITS) - 1 };

/* A slot is one word, so that it changes in one step: the upper bits of a key's hash, whose lower
 * ones lead to the slot, over the count. */
struct frequency {
	atomic_uint_fast64_t slots[SLOTS];
};

struct frequency *frequency_new(void)
{
	return calloc(1, sizeof(struct frequency));
}

void frequency_free(struct frequency *f)
{
	free(f);
}

static bool is_same_key(uint64_t slot, uint64_t hash)
{
	return slot >> COUNT_BITS == hash >> COUNT_BITS && (slot & COUNT_MAX) > 0;
}

uint64_t frequency_count(struct frequency *f, struct key key)
{
	uint64_t hash = key_hash(key), next;
	atomic_uint_fast64_t *slot = &f->slots[hash % SLOTS];
	uint_fast64_t now = atomic_load_explicit(slot, memory_order_relaxed);

	do {
		if (!is_same_key(now, hash))
			next = (hash >> COUNT_BITS << COUNT_BITS) + 1;
		else
			next = now + ((now & COUNT_MAX) < COUNT_MAX);
	} while (!atomic_compare_exchange_weak_explicit(slot, &now, next, memory_order_relaxed,
							memory_order_relaxed));
	return next & COUNT_MAX;
}

void frequency_forget(struct frequency *f, struct key key)
{
	uint64_t hash = key_hash(key);
	atomic_uint_fast64_t *slot = &f->slots[hash % SLOTS];
	uint_fast64_t now = atomic_load_explicit(slot, memory_order_relaxed);

	if (is_same_key(now, hash)) /* or another key has taken its place by now */
		atomic_compare_exchange_strong_explicit(slot, &now, 0, memory_order_relaxed,
							memory_order_relaxed);
}
