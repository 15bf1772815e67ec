/*
 * A faster layer answers with a copy of a slower layer's entry. If other programs write the slower
 * layer, the copy may be outdated. See revalidate.h.
 */
#include "stack/revalidate.h"

#include <assert.h>
#include <errno.h>

/* Whether a layer from `first` to before `end`, but not `except`, holds the very value. */
static bool is_held(struct layered *c, size_t first, size_t end, size_t except, bool durable,
		    struct key key, const struct meta *meta)
{
	bool held = false;

	for (size_t i = first; i < end && !held; i++) {
		struct meta there = { 0 };
		if (i == except || (durable && !layer_is_durable(c->layers[i])))
			continue;
		int rc = layer_stat(c->layers[i], key, &there);
		if (rc < 0) /* nobody knows, or it has not */
			held = rc != -ENOENT && rc != -ENODATA && !layer_is_away(c->layers[i], rc);
		if (rc < 0)
			continue;
		held = meta_same_value(&there, meta);
		meta_fini(&there);
	}
	return held;
}

/* Drops the copies of that value from the layers faster than `end`. */
static void drop_copies(struct layered *c, size_t end, bool durable_too, struct key key,
			const struct meta *meta)
{
	for (size_t i = 0; i < end; i++) {
		struct layer *l = c->layers[i];
		struct meta there = { 0 };
		if ((layer_is_durable(l) && !durable_too) || layer_stat(l, key, &there) < 0)
			continue;
		if (meta_same_value(&there, meta))
			stack_drop(c, l, key);
		meta_fini(&there);
	}
}

/*
 * Layer `at` holds another value than the copy, or none. That it has none says less than that it
 * has another: what was too big for it, or what it had no room for, was never there. Such a copy is
 * kept where its set was acknowledged. True: the copy is to be dropped.
 */
static bool is_outdated(struct layered *c, size_t at, int verdict, struct key key,
			const struct meta *meta)
{
	if (meta->unkept && verdict != -ESTALE)
		return false;
	if (verdict == -ENOENT)
		return !is_held(c, at + 1, c->count, at, false, key, meta);
	if (verdict == -ENODATA)
		return !is_held(c, 0, c->count, at, true, key, meta);
	return verdict == -ESTALE;
}

/* Whether the journal, the layer that answered or a slower one, has the key. */
static bool is_undrained(struct layered *c, size_t from, struct key key)
{
	struct meta meta = { 0 };
	size_t i = from;

	while (i < c->count && !stack_is_journal(c, c->layers[i]))
		i++;
	int rc = i < c->count ? layer_stat(c->layers[i], key, &meta) : -ENOENT;
	bool undrained = rc != -ENOENT && rc != -ENODATA; /* or nobody knows */
	meta_fini(&meta);
	return undrained;
}

/* -ESTALE: layer `at` said so, and the copies are gone. */
static int revalidate_with(struct layered *c, size_t at, struct key key, const struct meta *meta)
{
	struct admission_claim claim = stack_claim(key);
	int verdict = layer_revalidate(c->layers[at], key, meta);

	if (verdict == 0 || !is_outdated(c, at, verdict, key, meta))
		return 0;
	/* Somebody changes it right now, and will leave all layers alike. */
	if (!stack_try(c, &claim))
		return 0;
	drop_copies(c, at, verdict != -ENODATA, key, meta);
	stack_leave(c, &claim);
	c->events.gone(c->events.self, key);
	return -ESTALE;
}

int revalidate(struct layered *c, size_t from, uint64_t instant, struct key key,
	       const struct meta *meta)
{
	assert(from < c->count);
	/* What a shared layer is still to be written is newer than what it holds. */
	if (!c->shared || is_undrained(c, from, key))
		return 0;
	bool durable = layer_is_durable(c->layers[from]);
	for (size_t i = 0; i < c->count; i++) {
		bool told = i != from && layer_news(c->layers[i]) && !durable;
		int rc = told || i <= from ? 0 : revalidate_with(c, i, key, meta);
		if (rc < 0)
			return rc;
	}
	return foreign_since(&c->foreign, instant, key, false) ? -ESTALE : 0;
}
