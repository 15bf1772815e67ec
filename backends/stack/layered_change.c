/*
 * Changes without a value: touch, remove, rename, remove_prefix. They go over the layers as a set
 * does (layered_set.c); the teller applies later what a layer missed. See layered.h.
 */
#include <assert.h>
#include <errno.h>

#include "stack/stack.h"
#include "stack/write_back.h"

struct change;

/* One kind of change. */
struct step {
	/* What the journal does, and the layers beside it, before all others; NULL: nothing.
	 * -EALREADY: the layers are to do the rest; otherwise the outcome. */
	int (*begin)(struct change *change);
	/* What one layer does; -ENOENT: it had nothing to change. */
	int (*run)(struct layer *l, const struct change *change);
	enum debt_kind kind; /* of what a layer missed */
	bool removes;
};

struct change {
	const struct step *step;
	struct layered *cache;
	struct key key, to;      /* to: empty but for a rename */
	const struct meta *meta; /* of a touch */
	unsigned fields;
	/* How far it is: */
	bool changed;       /* a layer has changed something */
	bool undrained;     /* the journal has, and will tell the slower layers */
	struct layer *away; /* could not be the first to change; is told if others do it */
};

/* --- over the layers -------------------------------------------------------------------------- */

/* A layer that is told later to remove what it was to remove now has done it, as far as anybody
 * sees. */
static int remove_later(const struct change *change, struct layer *l)
{
	struct layered *c = change->cache;

	if (!c->state && layer_is_durable(l))
		return -ENOTSUP;
	int rc = layer_may_miss(l, change->key, change->step->kind);
	stack_tell_soon(c);
	return rc;
}

/* What the layer holds under the keys of the change is not what it should be. */
static void distrust(const struct change *change, struct layer *l)
{
	stack_missed(change->cache, l, change->key, change->step->kind);
	if (change->to.size > 0)
		stack_missed(change->cache, l, change->to, change->step->kind);
}

/*
 * One layer's part. A layer that cannot remove is told later, if that can be remembered (-ENOSPC:
 * it has missed too many). Otherwise the whole fails if a layer fails before any has changed
 * something; a later failure makes that layer distrusted for the keys. Not 0: the outcome.
 */
static int run_in(struct change *change, struct layer *l)
{
	bool removes = change->step->removes;
	int rc = change->step->run(l, change);

	if (rc < 0 && rc != -ENOENT && removes) {
		int later = remove_later(change, l);
		rc = later == 0 || later == -ENOSPC ? later : rc;
	}
	change->changed |= rc == 0;
	if (rc == 0 || rc == -ENOENT)
		return 0;
	/* It is away: it will be told what the others did, if they do it. */
	if (rc == -EHOSTDOWN && !change->changed && !removes && change->cache->state &&
	    !change->away) {
		change->away = l;
		return 0;
	}
	/* Removed here and not there, and that will be forgotten: the caller tries again. */
	if (!change->changed || removes)
		return rc == -EHOSTDOWN ? -EIO : rc;
	distrust(change, l);
	return 0;
}

/* Over the layers, durable ones first. -ENOENT: no layer had it. */
static int run_steps(struct change *change)
{
	struct layered *c = change->cache;
	int rc = change->step->begin ? change->step->begin(change) : -EALREADY;

	if (rc != -EALREADY)
		return rc;
	for (size_t i = 0; i < c->count; i++) {
		struct layer *l = c->order[i];
		if (change->undrained && (stack_is_journal(c, l) || write_back_is_slower(c, l)))
			continue;
		/* A copy alone must not change: what is away would be told to drop the last value
		 * that is kept. */
		if (change->away && !change->changed && !layer_is_durable(l) && !stack_serves(c))
			break;
		rc = run_in(change, l);
		if (rc < 0)
			return rc;
	}
	assert(change->changed || !change->undrained);
	if (!change->changed)
		return change->away ? -EIO : -ENOENT;
	if (change->away)
		distrust(change, change->away);
	return 0;
}

/* Admits a change, asks the hooks, runs it. */
static int run_change(struct change *change, struct admission_claim *claim,
		      const struct layered_hooks *hooks)
{
	int rc = stack_enter(change->cache, claim);
	bool admitted = rc == 0;

	if (rc == 0 && hooks && hooks->prepare)
		rc = hooks->prepare(hooks->self);
	if (rc == 0)
		rc = run_steps(change);
	if (hooks && hooks->done)
		hooks->done(hooks->self, rc);
	if (admitted)
		stack_leave(change->cache, claim);
	return rc;
}

/* --- touch ------------------------------------------------------------------------------------ */

/* Without it the journal would be a layer that missed something: its entry would go. */
static int touch_journal(struct change *change)
{
	int rc = change->fields == 0 ? -ENOENT
				     : write_back_touch(change->cache, change->key, change->meta,
							change->fields);

	change->undrained = change->changed = rc == 0;
	return rc == 0 || rc == -ENOENT ? -EALREADY : rc;
}

static int touch(struct layer *l, const struct change *change)
{
	return layer_touch(l, change->key, change->meta, change->fields,
			   stack_limit(change->cache, l, change->meta->own));
}

int layered_touch(struct layered *c, struct key key, const struct meta *meta, unsigned fields,
		  const struct layered_hooks *hooks)
{
	static const struct step step = { .begin = touch_journal, .run = touch, .kind = DEBT_KEY };
	struct admission_claim claim = stack_claim(key);
	struct change change = {
		.step = &step, .cache = c, .key = key, .meta = meta, .fields = fields
	};

	return run_change(&change, &claim, hooks);
}

/* --- remove ----------------------------------------------------------------------------------- */

static int remove_key(struct layer *l, const struct change *change)
{
	return layer_remove(l, change->key);
}

int layered_remove(struct layered *c, struct key key, const struct layered_hooks *hooks)
{
	static const struct step step = { .run = remove_key, .kind = DEBT_KEY, .removes = true };
	struct admission_claim claim = stack_claim(key);
	struct change change = { .step = &step, .cache = c, .key = key };

	atomic_fetch_add(&c->invalidations, 1);
	if (c->gets.slots)
		key_numbers_forget(&c->gets, key);
	return run_change(&change, &claim, hooks);
}

static int remove_prefix(struct layer *l, const struct change *change)
{
	return layer_remove_prefix(l, change->key);
}

int layered_remove_prefix(struct layered *c, struct key prefix, const struct layered_hooks *hooks)
{
	static const struct step step = { .run = remove_prefix,
					  .kind = DEBT_PREFIX,
					  .removes = true };
	struct admission_claim claim = { .spans = { { prefix, true } }, .span_count = 1 };
	struct change change = { .step = &step, .cache = c, .key = prefix };

	atomic_fetch_add(&c->invalidations, 1);
	int rc = run_change(&change, &claim, hooks);
	if ((rc == 0 || rc == -ENOENT) && c->markers) { /* goes last: it cannot fail */
		int markers = layer_remove_prefix(c->markers, prefix);
		rc = rc == 0 ? 0 : markers;
	}
	return rc;
}

int layered_remove_unreachable(struct layered *c)
{
	int failure = 0;
	bool any = false;

	for (size_t i = 0; i < c->count; i++) {
		int rc = layer_remove_unreachable(c->layers[i]);
		any |= rc == 0;
		if (failure == 0 && rc != -ENOENT)
			failure = rc;
	}
	return failure == 0 && !any ? -ENOENT : failure;
}

/* --- rename ----------------------------------------------------------------------------------- */

static int rename_in_journal(struct change *change)
{
	return write_back_rename(change->cache, change->key, change->to);
}

/* A layer without the source must not keep what the target was. */
static int rename_key(struct layer *l, const struct change *change)
{
	int rc = layer_rename(l, change->key, change->to);

	if (rc != -ENOENT)
		return rc;
	rc = layer_remove(l, change->to);
	return rc == 0 ? -ENOENT : rc;
}

/* Nothing may be lost when there is nothing to move. */
struct rename_check {
	struct layered *cache;
	struct key from;
	const struct layered_hooks *hooks;
};

static int rename_prepare(void *self)
{
	struct rename_check *check = self;
	struct meta meta = { 0 };

	int rc = layered_stat(check->cache, check->from, &meta);
	meta_fini(&meta);
	if (rc == 0 && check->hooks && check->hooks->prepare)
		rc = check->hooks->prepare(check->hooks->self);
	return rc;
}

static void rename_done(void *self, int rc)
{
	struct rename_check *check = self;

	if (check->hooks && check->hooks->done)
		check->hooks->done(check->hooks->self, rc);
}

int layered_rename(struct layered *c, struct key from, struct key to,
		   const struct layered_hooks *hooks)
{
	static const struct step step = { .begin = rename_in_journal,
					  .run = rename_key,
					  .kind = DEBT_KEY };
	struct admission_claim claim = { .spans = { { from, false }, { to, false } },
					 .span_count = 2 };
	struct change change = { .step = &step, .cache = c, .key = from, .to = to };
	struct rename_check check = { c, from, hooks };
	struct layered_hooks checked = { rename_prepare, rename_done, &check };

	return run_change(&change, &claim, &checked);
}
