/* When keys were last seen. See freshness.h. */
#include "stack/freshness.h"

#include <errno.h>
#include <stdlib.h>

#include "base/time_source.h"

/* A slot is the upper half of a key's hash and the time in milliseconds, which starts over after 49
 * days. */
enum { SLOTS = 16384 };

int freshness_init(struct freshness *f, int64_t period_ms)
{
	f->period_ms = period_ms;
	f->slots = calloc(SLOTS, sizeof(f->slots[0]));
	return f->slots ? 0 : -ENOMEM;
}

void freshness_fini(struct freshness *f)
{
	free((void *)f->slots);
	f->slots = NULL;
}

void freshness_note(struct freshness *f, struct key key, int64_t at_ms)
{
	uint64_t hash = key_hash(key);

	atomic_store_explicit(&f->slots[hash % SLOTS], hash >> 32 << 32 | (uint32_t)at_ms,
			      memory_order_relaxed);
}

void freshness_forget(struct freshness *f, struct key key)
{
	uint64_t hash = key_hash(key);
	uint_fast64_t slot = atomic_load(&f->slots[hash % SLOTS]);

	if (slot >> 32 == hash >> 32)
		atomic_compare_exchange_strong(&f->slots[hash % SLOTS], &slot, 0);
}

bool freshness_is_due(const struct freshness *f, struct key key, int64_t *seen_ms)
{
	uint64_t hash = key_hash(key);
	uint64_t slot = atomic_load_explicit(&f->slots[hash % SLOTS], memory_order_relaxed);
	int64_t now_ms = time_mono_ms(&time_system);
	uint32_t age_ms = (uint32_t)now_ms - (uint32_t)slot;

	*seen_ms = slot != 0 && slot >> 32 == hash >> 32 ? now_ms - age_ms : 0;
	return *seen_ms == 0 || age_ms >= f->period_ms;
}

bool freshness_turn(atomic_int_fast64_t *last_ms, int64_t period_ms)
{
	if (period_ms == 0)
		return true;
	int64_t now_ms = time_mono_ms(&time_system);
	int_fast64_t last = atomic_load(last_ms);
	return (last == 0 || now_ms - last >= period_ms) &&
	       atomic_compare_exchange_strong(last_ms, &last, now_ms);
}
