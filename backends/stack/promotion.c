/* See promotion.h. */
#include "stack/promotion.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "stack/afterwards.h"
#include "stack/stack.h"
#include "stack/write_back.h"

struct promotion_work {
	struct afterwards work; /* first: this is what it points to */
	struct layered *cache;
	size_t from;
	struct value *value;
	struct meta meta;
	struct key key;
	char bytes[];
};

static void copy_to_faster(const struct promotion_work *p, const struct meta *now,
			   struct value *loaded)
{
	for (size_t i = 0; i < p->from; i++) {
		struct layer *l = p->cache->layers[i];
		if (stack_is_journal(p->cache, l))
			continue;
		struct value *copy = layer_is_durable(l) ? p->value : loaded;
		if (copy && layer_set(l, p->key, copy, now, now->copy) == 0)
			layer_count_promotion(l);
	}
}

static void promotion_run(struct afterwards *work)
{
	struct promotion_work *p = (struct promotion_work *)work;
	struct layered *c = p->cache;

	assert(p->from > 0 && p->from < c->count);
	struct admission_claim claim = stack_claim(p->key);
	struct value *loaded = stack_value_for_volatile(c, p->value);
	struct meta now = { 0 };

	if (stack_try(c, &claim)) {
		struct layer *from = c->layers[p->from];
		/* Changed since it was read: the copy would be an old one. */
		if (!write_back_supersedes(c, from, p->key) &&
		    layer_stat(from, p->key, &now) == 0 && meta_same_value(&now, &p->meta)) {
			now.hits = p->meta.hits;
			copy_to_faster(p, &now, loaded);
		}
		stack_leave(c, &claim);
	}
	meta_fini(&now);
	value_unref(loaded);
	value_unref(p->value);
	meta_fini(&p->meta);
	free(p);
}

/* The gets of the key, or those that its entry has seen since it was set: some layers remember
 * them over a restart. This one is included in both. */
static bool is_wanted(struct layered *c, struct key key, const struct meta *meta)
{
	switch (c->conf->promotion) {
	case PROMOTION_ALWAYS:
		return true;
	case PROMOTION_FREQUENCY_BASED:
		return key_numbers_count(&c->gets, key) >= c->conf->promotion_threshold ||
		       meta->hits >= c->conf->promotion_threshold;
	case PROMOTION_NEVER:
		break;
	}
	return false;
}

void promotion_consider(struct layered *c, size_t from, struct key key, struct value *value,
			const struct meta *meta)
{
	bool wanted = is_wanted(c, key, meta) && from > 0; /* counted in any case */
	struct promotion_work *p = wanted ? malloc(sizeof(*p) + key.size) : NULL;

	if (!p)
		return;
	*p = (struct promotion_work){ .work.run = promotion_run, .cache = c, .from = from };
	p->value = value_ref(value);
	meta_copy(&p->meta, meta);
	memcpy(p->bytes, key.bytes, key.size);
	p->key = key_make(p->bytes, key.size);
	afterwards_add(&p->work);
}
