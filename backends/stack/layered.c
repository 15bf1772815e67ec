/*
 * Gets and stats. The fastest layer that has the entry answers, unless its copy is outdated. See
 * layered.h.
 */
#include "stack/layered.h"

#include <assert.h>
#include <errno.h>

#include "stack/promotion.h"
#include "stack/revalidate.h"

/* How often a copy may turn out to be outdated in one call; then what there is, is served. */
enum { LOOKS_MAX = 3 };

/*
 * Which layer to ask after this one's answer, which was not the entry: behind -ENODATA, and behind
 * what the journal cannot tell, slower layers have older entries. *rc: what it is if none has it.
 */
static size_t next_to_ask(const struct layered *c, size_t asked, int answer, int *rc)
{
	const struct layer *l = c->layers[asked];
	bool miss = answer == -ENOENT || answer == -ENODATA;

	assert(answer < 0 && asked < c->count);
	if (!miss && *rc == -ENOENT && !layer_is_away(l, answer))
		*rc = answer;
	return answer == -ENODATA || (!miss && stack_is_journal(c, l)) ? c->count : asked + 1;
}

int layered_stat(struct layered *c, struct key key, struct meta *meta)
{
	for (int look = 1;; look++) {
		uint64_t instant = foreign_now(&c->foreign);
		size_t i = 0;
		int rc = -ENOENT, answer;
		while (i < c->count && (answer = layer_stat(c->layers[i], key, meta)) != 0)
			i = next_to_ask(c, i, answer, &rc);
		if (i == c->count)
			return rc;
		if (look == LOOKS_MAX || revalidate(c, i, instant, key, meta) == 0)
			return 0;
		meta_fini(meta);
	}
}

/* From the fastest layer that has it: *at. -ENOENT, or another -errno: none has. */
static int find_value(struct layered *c, struct key key, enum get_kind kind, struct value **value,
		      struct meta *meta, size_t *at)
{
	int (*get)(struct layer * l, struct key key, struct value * *value,
		   struct meta * meta) = kind == GET_TO_CHANGE ? layer_peek : layer_get;

	for (int look = 1;; look++) {
		uint64_t instant = foreign_now(&c->foreign);
		size_t i = 0;
		int rc = -ENOENT, answer;
		while (i < c->count && (answer = get(c->layers[i], key, value, meta)) != 0)
			i = next_to_ask(c, i, answer, &rc);
		*at = i;
		if (i == c->count)
			return rc;
		if (look == LOOKS_MAX || revalidate(c, i, instant, key, meta) == 0)
			return 0;
		value_unref(*value);
		*value = NULL;
		meta_fini(meta);
	}
}

static void count_get(struct layered *c, bool hit)
{
	atomic_fetch_add_explicit(hit ? &c->hits : &c->misses, 1, memory_order_relaxed);
}

int layered_get(struct layered *c, struct key key, enum get_kind kind, struct value **value,
		struct meta *meta)
{
	size_t i;
	int rc = find_value(c, key, kind, value, meta, &i);

	if (kind == GET_COUNTED)
		count_get(c, rc == 0);
	if (rc < 0)
		return rc;
	for (size_t j = i + 1; j < c->count && kind != GET_TO_CHANGE; j++)
		layer_note_hit(c->layers[j], key);
	if (kind == GET_COUNTED)
		promotion_consider(c, i, key, *value, meta);
	return 0;
}

void layered_count_miss(struct layered *c)
{
	count_get(c, false);
}

void layered_uncount_miss(struct layered *c)
{
	atomic_fetch_sub_explicit(&c->misses, 1, memory_order_relaxed);
}
