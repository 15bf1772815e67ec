/*
 * What a faster layer answers is a copy of what a slower one holds. If other programs write that
 * one, the copy may be of yesterday. See stack.h.
 */
#include <errno.h>

#include "stack.h"

/* Whether a layer from `first` to before `end`, but not `except`, holds the very value. */
static bool is_held(struct layered *c, size_t first, size_t end, size_t except, bool durable,
		    struct key key, const struct meta *meta)
{
	bool held = false;

	for (size_t i = first; i < end && !held; i++) {
		struct meta there = { 0 };
		if (i == except || (durable && !layer_is_durable(c->layers[i])))
			continue;
		if (layer_stat(c->layers[i], key, &there) < 0)
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
	bool undrained = i < c->count && layer_stat(c->layers[i], key, &meta) == 0;
	meta_fini(&meta);
	return undrained;
}

int stack_revalidate(struct layered *c, size_t from, struct key key, const struct meta *meta)
{
	/* What a shared layer is still to be written is newer than what it holds. */
	if (!c->revalidates || is_undrained(c, from, key))
		return 0;
	for (size_t i = from + 1; i < c->count; i++) {
		struct admission_claim claim = stack_claim(key);
		int verdict = layer_revalidate(c->layers[i], key, meta);
		if (verdict == 0 || !is_outdated(c, i, verdict, key, meta))
			continue;
		/* Somebody changes it right now, and will leave all layers alike. */
		if (!admission_try(&c->admission, &claim))
			continue;
		drop_copies(c, i, verdict != -ENODATA, key, meta);
		admission_leave(&c->admission, &claim);
		c->events.gone(c->events.self, key);
		return -ESTALE;
	}
	return 0;
}
