/* See stack.h. */
#include "stack/stack.h"

#include <errno.h>
#include <string.h>

#include "base/waiting.h"

enum { LOADED_MAX = 1 << 20 }; /* of a file's value, into layers that are not durable */

/* --- copies in layers that are not durable ---------------------------------------------------- */

/*
 * A file in their hands would take a descriptor each, and disk space that no limit sees once the
 * durable layer has evicted it; its bytes on the heap could be more than there is memory. The page
 * cache holds what is read of a file anyway. So small ones are loaded, and large ones stay below.
 */
struct value *stack_value_for_volatile(const struct layered *c, struct value *value)
{
	if (c->durable_count == 0 || value_bytes(value))
		return value_ref(value);
	if (value_size(value) > LOADED_MAX)
		return NULL;
	waiting_begin();
	return value_load(value);
}

struct end stack_limit(const struct layered *c, const struct layer *l, struct end own)
{
	struct instant now = time_instant(c->time);
	struct end latest = end_none();
	bool any = false;

	for (size_t i = 0; i < c->durable_count && !layer_is_durable(l); i++) {
		if (stack_is_journal(c, c->order[i]))
			continue;
		struct end end = layer_copy_end(c->order[i], own, end_none());
		latest = any ? end_later(latest, end, now) : end;
		any = true;
	}
	return latest;
}

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

/* --- what layers tell ------------------------------------------------------------------------- */

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

void stack_catch_up(struct layered *c, bool polled[STACK_MAX])
{
	memset(polled, 0, STACK_MAX * sizeof(polled[0]));
	for (size_t i = 0; c->shared && i < c->count; i++)
		polled[i] = !layer_news(c->layers[i]) && layer_is_shared(c->layers[i]);
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

/* --- what layers missed ----------------------------------------------------------------------- */

void stack_tell_soon(struct layered *c)
{
	if (c->teller)
		c->teller_nudge(c->teller);
}

int stack_missed(struct layered *c, struct layer *l, struct key key, enum debt_kind kind)
{
	int rc = layer_distrust(l, key, kind);

	stack_tell_soon(c);
	return rc;
}

int stack_drop(struct layered *c, struct layer *l, struct key key)
{
	int rc = layer_remove(l, key);

	return rc == 0 || rc == -ENOENT ? 0 : stack_missed(c, l, key, DEBT_KEY);
}
