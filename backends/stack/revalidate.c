/*
 * What a faster layer answers is a copy of what a slower one holds. If other programs write that
 * one, the copy may be of yesterday. See stack.h.
 */
#include <errno.h>
#include <string.h>

#include "stack/stack.h"

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
		int rc = meta_same_value(&there, meta) ? layer_remove(l, key) : 0;
		meta_fini(&there);
		if (rc == 0 || rc == -ENOENT)
			continue;
		layer_distrust(l, key, DISTRUST_KEY);
		stack_tell_soon(c);
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

int stack_revalidate(struct layered *c, size_t from, uint64_t instant, struct key key,
		     const struct meta *meta)
{
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

void stack_catch_up(struct layered *c, bool polled[STACK_MAX])
{
	memset(polled, 0, STACK_MAX * sizeof(polled[0]));
	for (size_t i = 0; c->shared && i < c->count; i++)
		polled[i] = !layer_news(c->layers[i]) && layer_is_shared(c->layers[i]);
}

/* --- what layers tell ------------------------------------------------------------------------- */

/* What is not durable is no more than a copy. The root, whose metadata may change, has none. */
static void drop_volatile(struct layered *c, struct key key, bool prefix)
{
	for (size_t i = c->durable_count; i < c->count; i++) {
		if (prefix)
			layer_remove_prefix(c->order[i], key);
		else if (key_is_valid(key))
			layer_remove(c->order[i], key);
	}
}

void stack_changed(void *cache, struct key key)
{
	struct layered *c = cache;

	if (!atomic_load(&c->ready))
		return;
	foreign_note(&c->foreign, key); /* first: see stack_leave() */
	if (c->shared)
		drop_volatile(c, key, key.size == 0);
	foreign_note(&c->foreign, key); /* and last: a rename that began meanwhile moves a copy */
	c->events.gone(c->events.self, key);
}

/* --- changes ---------------------------------------------------------------------------------- */

int stack_enter(struct layered *c, struct admission_claim *claim)
{
	int rc = admission_enter(&c->admission, claim);

	claim->since = foreign_now(&c->foreign);
	return rc;
}

bool stack_try(struct layered *c, struct admission_claim *claim)
{
	bool entered = admission_try(&c->admission, claim);

	claim->since = foreign_now(&c->foreign);
	return entered;
}

/*
 * Another program's change may have come after this one reached the shared layer and before it
 * reached the others: then its copies were dropped, and the old one made anew. Or before a rename
 * reached the shared layer, which had nothing to move then: a copy was, to where nobody drops it.
 */
void stack_leave(struct layered *c, struct admission_claim *claim)
{
	bool changed = false, polled[STACK_MAX];

	if (claim->span_count > 1)
		stack_catch_up(c, polled);
	for (int i = 0; i < claim->span_count && c->shared; i++)
		changed |= foreign_since(&c->foreign, claim->since, claim->spans[i].key,
					 claim->spans[i].prefix);
	for (int i = 0; i < claim->span_count && changed; i++)
		drop_volatile(c, claim->spans[i].key, claim->spans[i].prefix);
	admission_leave(&c->admission, claim);
}
