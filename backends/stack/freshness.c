/* Records when keys were last seen in a layer. See freshness.h. */
#include "stack/freshness.h"

enum { SLOTS = 16384 };

int freshness_init(struct freshness *f, int64_t period_ms)
{
	f->period_ms = period_ms;
	return key_numbers_init(&f->seen, SLOTS);
}

void freshness_fini(struct freshness *f)
{
	key_numbers_fini(&f->seen);
}

void freshness_note(struct freshness *f, struct key key, int64_t at_ms)
{
	key_numbers_set(&f->seen, key, (uint32_t)at_ms);
}

void freshness_forget(struct freshness *f, struct key key)
{
	key_numbers_forget(&f->seen, key);
}

bool freshness_is_due(const struct freshness *f, struct key key, int64_t now_ms, int64_t *seen_ms)
{
	uint32_t seen;
	bool known = key_numbers_get(&f->seen, key, &seen);
	uint32_t age_ms = (uint32_t)now_ms - seen;

	*seen_ms = known ? now_ms - age_ms : 0;
	return !known || age_ms >= f->period_ms;
}

bool freshness_turn(atomic_int_fast64_t *last_ms, int64_t period_ms, int64_t now_ms)
{
	if (period_ms == 0)
		return true;
	int_fast64_t last = atomic_load(last_ms);
	return (last == 0 || now_ms - last >= period_ms) &&
	       atomic_compare_exchange_strong(last_ms, &last, now_ms);
}
