/* Tells which layers hold an entry, and until when. See layered.h. */
#include <errno.h>

#include "stack/stack.h"

static int visit_layers(struct layered *c, struct key key,
			int (*visit)(void *self, const struct layer *l, const struct meta *meta),
			void *self)
{
	int found = -ENOENT;

	for (size_t i = 0; i < c->count; i++) {
		struct meta meta = { 0 };
		int rc = layer_stat(c->layers[i], key, &meta);
		if (rc == -ENODATA)
			break;
		if (rc < 0)
			continue;
		found = visit(self, c->layers[i], &meta);
		meta_fini(&meta);
		if (found != 0)
			break;
	}
	return found;
}

struct named {
	int (*visit)(void *self, const char *layer, const struct meta *meta);
	void *self;
};

static int visit_by_name(void *self, const struct layer *l, const struct meta *meta)
{
	struct named *named = self;

	return named->visit(named->self, layer_name(l), meta);
}

int layered_visit_holders(struct layered *c, struct key key,
			  int (*visit)(void *self, const char *layer, const struct meta *meta),
			  void *self)
{
	struct named named = { visit, self };

	return visit_layers(c, key, visit_by_name, &named);
}

struct latest {
	const struct layered *cache;
	struct instant now;
	struct meta meta; /* the fastest layer's; of the copies, the last end so far */
	bool any;
};

/* What the journal has is still to be written to the slower layers, and what another layer missed
 * may be the value that was there before. 1: the rest says nothing. */
static int take_later(void *self, const struct layer *l, const struct meta *meta)
{
	struct latest *latest = self;

	if (!latest->any)
		meta_copy(&latest->meta, meta);
	else if (meta_same_value(&latest->meta, meta))
		latest->meta.copy = end_later(latest->meta.copy, meta->copy, latest->now);
	latest->any = true;
	return stack_is_journal(latest->cache, l);
}

int layered_end(struct layered *c, struct key key, struct end *own, struct end *end)
{
	struct latest latest = { .cache = c, .now = time_instant(c->time) };
	int rc = visit_layers(c, key, take_later, &latest);

	*own = latest.meta.own;
	*end = latest.meta.copy;
	meta_fini(&latest.meta);
	return rc > 0 ? 0 : rc;
}
