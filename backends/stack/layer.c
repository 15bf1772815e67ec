/* See layer.h. */
#include "stack/layer_call.h"
#include "stack/layer_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int freshness_open(struct layer *l)
{
	int64_t period_ms = l->spec->common.revalidate_ms;

	if (period_ms < 0)
		period_ms = l->backend->revalidate_ms;
	l->freshness.period_ms = period_ms;
	return l->backend->revalidate ? freshness_init(&l->freshness, period_ms) : 0;
}

/* What it dropped of its own accord nobody has removed: a copy in another durable layer may stay.
 * One that has to be asked for that (kept_all) met what is gone, whoever removed it. */
static void on_gone(void *self, struct key key)
{
	struct layer *l = self;

	layer_note_room(l);
	if (!l->backend->kept_all)
		layer_note_presence(l, key, 0, false);
	l->events.gone(l->events.self, key);
}

static void on_changed(void *self, struct key key)
{
	struct layer *l = self;

	l->events.changed(l->events.self, key);
}

static void layer_free(struct layer *l)
{
	if (l->debts)
		debts_free(l->debts);
	freshness_fini(&l->freshness);
	free(l);
}

int layer_open(const struct layer_spec *spec, const struct time_source *time,
	       const struct layer_events *events, struct layer **layer, struct problem *problem)
{
	struct layer *l = calloc(1, sizeof(*l));

	if (!l)
		return problem_set(problem, NULL, NULL, "out of memory");
	l->spec = spec;
	l->backend = spec->backend;
	l->events = *events;
	l->env = (struct backend_env){ .layer_name = spec->name,
				       .time = time,
				       .copy_on_get = spec->common.copy_on_get,
				       .gone = on_gone,
				       .changed = events->changed ? on_changed : NULL,
				       .self = l };
	l->debts = debts_new();
	bool ready = l->debts && freshness_open(l) == 0;
	int rc = ready ? l->backend->open(spec->conf, &l->env, &l->state, problem)
		       : problem_set(problem, NULL, NULL, "out of memory");
	if (rc < 0) {
		layer_free(l);
		return rc;
	}
	*layer = l;
	return 0;
}

void layer_ending(struct layer *l)
{
	if (l->backend->ending)
		l->backend->ending(l->state);
}

void layer_close(struct layer *l)
{
	l->backend->close(l->state);
	layer_free(l);
}

const char *layer_name(const struct layer *l)
{
	return l->spec->name;
}

bool layer_is_durable(const struct layer *l)
{
	return l->backend->durable;
}

bool layer_forgets(const struct layer *l)
{
	return l->backend->forgets;
}

bool layer_is_short(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM;
}

bool layer_is_away(const struct layer *l, int rc)
{
	return !layer_is_short(rc) && (rc == -EHOSTDOWN || l->backend->remote);
}

/* --- reads ------------------------------------------------------------------------------------ */

int layer_stat(struct layer *l, struct key key, struct meta *meta)
{
	layer_enter(key);
	if (!layer_trusts(l, key))
		return -ENOENT;
	int64_t begun = layer_call_begin(l), asked_ms = layer_look_begin(l);
	int rc = layer_call_end(l, LAYER_STAT, begun, l->backend->stat(l->state, key, meta));
	if (rc == 0) {
		layer_note_presence(l, key, asked_ms, true);
		layer_check_entry(l, key, meta);
	}
	return rc;
}

int layer_get(struct layer *l, struct key key, struct value **value, struct meta *meta)
{
	layer_enter(key);
	*value = NULL;
	layer_count(l, COUNT_GET);
	int rc = -ENOENT;
	if (layer_trusts(l, key)) {
		int64_t begun = layer_call_begin(l), asked_ms = layer_look_begin(l);
		rc = layer_call_end(l, LAYER_GET, begun,
				    l->backend->get(l->state, key, value, meta));
		if (rc == 0)
			layer_note_presence(l, key, asked_ms, true);
		rc = layer_check_value(l, key, rc, value, meta);
	}
	layer_count(l, rc == 0 ? COUNT_HIT : COUNT_MISS);
	return rc;
}

int layer_peek(struct layer *l, struct key key, struct value **value, struct meta *meta)
{
	layer_enter(key);
	*value = NULL;
	if (!layer_trusts(l, key))
		return -ENOENT;
	int64_t begun = layer_call_begin(l);
	int rc = l->backend->peek ? l->backend->peek(l->state, key, value, meta)
				  : l->backend->get(l->state, key, value, meta);
	rc = layer_call_end(l, LAYER_PEEK, begun, rc);
	return layer_check_value(l, key, rc, value, meta);
}

bool layer_is_shared(const struct layer *l)
{
	return l->backend->revalidate || l->backend->catch_up;
}

bool layer_news(struct layer *l)
{
	assert(lock_none_held());
	if (!l->backend->catch_up)
		return false;
	return !freshness_turn(&l->caught_up_ms, l->freshness.period_ms,
			       time_mono_ms(l->env.time)) ||
	       l->backend->catch_up(l->state);
}

/* How long this layer keeps a copy of an entry with that own end by its options; -1: for ever. */
static int64_t kept_ms(const struct layer *l, struct end own)
{
	int64_t max_ms = l->spec->common.max_ttl_ms;
	int64_t ms = end_kind(own) == END_NONE ? l->spec->common.default_ttl_ms : -1;

	return ms < 0 || (max_ms >= 0 && max_ms < ms) ? max_ms : ms;
}

/* Whether the layer's options may have ended its copy. If the wall clock was set meanwhile, either
 * clock may be the one that `created` is of. */
static bool may_have_ended(const struct layer *l, const struct meta *meta)
{
	struct instant now = time_instant(l->env.time);
	int64_t latest_ms = now.wall_ms > now.steady_ms ? now.wall_ms : now.steady_ms;
	int64_t ms = kept_ms(l, meta->own);

	return ms >= 0 && latest_ms - ms >= meta->created_ms;
}

/* What was there at that instant and is not any more: whether somebody must have removed it. */
static bool was_removed(struct layer *l, int64_t seen_ms, const struct meta *meta)
{
	if (seen_ms <= atomic_load(&l->settled_ms) || may_have_ended(l, meta))
		return false;
	return !l->backend->kept_all || l->backend->kept_all(l->state, seen_ms);
}

int layer_revalidate(struct layer *l, struct key key, const struct meta *meta)
{
	int64_t seen_ms = 0;

	layer_enter(key);
	if (!l->backend->revalidate ||
	    !freshness_is_due(&l->freshness, key, time_mono_ms(l->env.time), &seen_ms) ||
	    !layer_trusts(l, key))
		return 0;
	int64_t begun = layer_call_begin(l), asked_ms = layer_look_begin(l);
	int rc = l->backend->revalidate(l->state, key, meta);
	if (rc != -ESTALE)
		rc = layer_check_answer(l, LAYER_REVALIDATE, rc);
	if (rc == -ENOENT && !was_removed(l, seen_ms, meta))
		rc = -ENODATA;
	layer_call_end(l, LAYER_REVALIDATE, begun, rc == -ESTALE || rc == -ENODATA ? 0 : rc);
	if (rc == 0 || rc == -ENODATA)
		layer_note_presence(l, key, asked_ms, rc == 0);
	return rc == -ENOENT || rc == -ESTALE || rc == -ENODATA ? rc : 0;
}

bool layer_may_have_lost(struct layer *l, struct key key)
{
	int64_t seen_ms = 0;

	if (l->backend->revalidate)
		freshness_is_due(&l->freshness, key, time_mono_ms(l->env.time), &seen_ms);
	return seen_ms > atomic_load(&l->settled_ms);
}

void layer_note_hit(struct layer *l, struct key key)
{
	if (l->backend->note_hit)
		l->backend->note_hit(l->state, key);
}

/* What it says of a directory that it does not know as it is now: that it is there. */
static void forget_marker(struct meta *meta)
{
	meta_fini(meta);
	*meta = (struct meta){ 0 };
}

static void doubt_marker(struct layer *l, struct key dir, struct meta *meta)
{
	if (layer_doubts_marker(l, dir))
		forget_marker(meta);
}

static void doubt_markers(struct layer *l, struct key dir, struct children *batch)
{
	struct key_buffer key;

	for (size_t i = 0; i < batch->count && debts_count(l->debts) > 0; i++) {
		struct child *child = &batch->items[i];
		if (child->is_dir && key_join(&key, dir, child->name) == 0)
			doubt_marker(l, key_make(key.bytes, key.size), &child->meta);
	}
}

int layer_list(struct layer *l, struct key dir, struct key after, bool after_is_dir,
	       struct children *batch)
{
	layer_enter_dir(dir);
	assert(batch->count == 0);
	int64_t begun = layer_call_begin(l);
	int rc = layer_call_end(l, LAYER_LIST, begun,
				l->backend->list(l->state, dir, after, after_is_dir, batch));
	assert(rc < 0 || batch->end || batch->count > 0);
	if (rc == 0)
		rc = layer_check_list(l, dir, after, after_is_dir, batch);
	doubt_markers(l, dir, batch);
	return rc;
}

int layer_dir_stat(struct layer *l, struct key dir, struct meta *meta)
{
	layer_enter_dir(dir);
	if (!layer_trusts_dir(l, dir))
		return -ENOENT;
	/* Asked before too: it may be told between the read and the question after it. */
	bool doubted = layer_doubts_marker(l, dir);
	int64_t begun = layer_call_begin(l);
	int rc = layer_call_end(l, LAYER_DIR_STAT, begun,
				l->backend->dir_stat(l->state, dir, meta));
	if (rc == 0) {
		layer_check_dir(l, dir, meta);
		if (doubted)
			forget_marker(meta);
		else
			doubt_marker(l, dir, meta);
	}
	return rc;
}

/* --- changes ---------------------------------------------------------------------------------- */

struct end layer_copy_end(const struct layer *l, struct end own, struct end limit)
{
	struct instant now = time_instant(l->env.time);
	int64_t ms = kept_ms(l, own);
	struct end kept = ms < 0 ? end_none() : end_make(END_STEADY, now.steady_ms + ms);

	return end_earlier(end_earlier(own, kept, now), limit, now);
}

int layer_set(struct layer *l, struct key key, struct value *value, const struct meta *meta,
	      struct end limit)
{
	struct meta ending = *meta; /* borrows the xattrs for the call */

	layer_enter(key);
	assert(value_size(value) == meta->size);
	ending.copy = layer_copy_end(l, meta->own, limit);
	if (debts_owed(l->debts, DEBTS_OF_KEY, key) & OWES_REFUSE)
		return -EHOSTDOWN;
	layer_count(l, COUNT_SET);
	int64_t begun = layer_call_begin(l), asked_ms = layer_look_begin(l);
	int rc = layer_call_end(l, LAYER_SET, begun,
				l->backend->set(l->state, key, value, &ending));
	layer_note_presence(l, key, asked_ms, rc == 0);
	layer_note_set(l, meta->size, rc);
	return rc == 0 ? debts_forget(l->debts, key, DEBT_KEY) : rc;
}

int layer_touch(struct layer *l, struct key key, const struct meta *meta, unsigned fields,
		struct end limit)
{
	struct meta ending = *meta;

	layer_enter(key);
	unsigned owed = debts_owed(l->debts, DEBTS_OF_KEY, key);
	if (owed & OWES_HIDE_KEY)
		return owed & OWES_MOVE ? -EHOSTDOWN : -ENOENT;
	if (fields & META_EXPIRY)
		ending.copy = layer_copy_end(l, meta->own, limit);
	int64_t begun = layer_call_begin(l);
	return layer_call_end(l, LAYER_TOUCH, begun,
			      l->backend->touch(l->state, key, &ending, fields));
}

int layer_remove(struct layer *l, struct key key)
{
	layer_enter(key);
	unsigned owed = debts_owed(l->debts, DEBTS_OF_KEY, key);
	if (owed & OWES_HIDE_DIR) /* with all around it */
		return owed & OWES_MOVE ? -EHOSTDOWN : -ENOENT;
	layer_count(l, COUNT_REMOVE);
	int64_t begun = layer_call_begin(l);
	int rc = layer_call_end(l, LAYER_REMOVE, begun, l->backend->remove(l->state, key));
	layer_note_presence(l, key, 0, false);
	layer_note_room(l);
	int forgotten = rc == 0 || rc == -ENOENT ? debts_forget(l->debts, key, DEBT_KEY) : 0;
	return forgotten < 0 ? forgotten : rc;
}

int layer_remove_unreachable(struct layer *l)
{
	assert(lock_none_held());
	if (!l->backend->remove_unreachable)
		return -ENOENT;
	int64_t begun = layer_call_begin(l);
	return layer_call_end(l, LAYER_REMOVE_PREFIX, begun,
			      l->backend->remove_unreachable(l->state));
}

int layer_remove_prefix(struct layer *l, struct key prefix)
{
	assert(prefix.size <= KEY_MAX + 1);
	assert(lock_none_held());
	unsigned owed = debts_owed(l->debts, DEBTS_OF_PREFIX, prefix);
	if (owed & OWES_MOVE)
		return -EHOSTDOWN;
	if (owed & OWES_CLEARING)
		return 0; /* that is to come anyway */
	int64_t begun = layer_call_begin(l);
	int rc = layer_call_end(l, LAYER_REMOVE_PREFIX, begun,
				l->backend->remove_prefix(l->state, prefix));
	layer_note_room(l);
	int forgotten = rc == 0 || rc == -ENOENT ? debts_forget(l->debts, prefix, DEBT_PREFIX) : 0;
	return forgotten < 0 ? forgotten : rc;
}

int layer_rename(struct layer *l, struct key from, struct key to)
{
	layer_enter(from);
	layer_enter(to);
	unsigned owed_from = debts_owed(l->debts, DEBTS_OF_KEY, from);
	unsigned owed_to = debts_owed(l->debts, DEBTS_OF_KEY, to);
	if (owed_from & OWES_MOVE || owed_to & (OWES_MOVE | OWES_FOLLOWING))
		return -EHOSTDOWN;
	if (owed_from & OWES_HIDE_KEY)
		return -ENOENT;
	if (owed_to & OWES_CLEARING)
		return -EHOSTDOWN;
	int64_t begun = layer_call_begin(l);
	int rc = layer_call_end(l, LAYER_RENAME, begun, l->backend->rename(l->state, from, to));
	layer_note_presence(l, from, 0, false);
	return rc == 0 ? debts_forget(l->debts, to, DEBT_KEY) : rc;
}

int layer_dir_set(struct layer *l, struct key dir, const struct meta *meta)
{
	layer_enter_dir(dir);
	if (debts_owed(l->debts, DEBTS_OF_DIR, dir) & OWES_REFUSE)
		return -EHOSTDOWN;
	int64_t begun = layer_call_begin(l);
	int rc = layer_call_end(l, LAYER_DIR_SET, begun, l->backend->dir_set(l->state, dir, meta));
	return rc == 0 ? debts_forget(l->debts, dir, DEBT_MARKER) : rc;
}

int layer_sync(struct layer *l)
{
	assert(lock_none_held());
	int64_t begun = layer_call_begin(l);
	return layer_call_end(l, LAYER_SYNC, begun, l->backend->sync(l->state));
}

int layer_temp_file(struct layer *l)
{
	assert(lock_none_held());
	return l->backend->temp_file ? l->backend->temp_file(l->state) : -ENOTSUP;
}

int layer_free_space(struct layer *l, struct key key, uint64_t bytes)
{
	assert(lock_none_held());
	return l->backend->free_space ? l->backend->free_space(l->state, key, bytes) : -ENOTSUP;
}
