/* See layer.h. */
#include "layer.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "distrust.h"
#include "freshness.h"
#include "lock.h"
#include "log.h"

enum counter {
	COUNT_GET,
	COUNT_HIT,
	COUNT_MISS,
	COUNT_SET,
	COUNT_REMOVE,
	COUNT_PROMOTION,
	COUNTERS
};

/* The calls of one operation; the bucket is all the counting that a call needs beside its time. */
struct call_counters {
	atomic_uint_fast64_t by_latency[LAYER_LATENCIES], total_ns, errors;
	atomic_bool failing; /* said in the log */
};

struct layer {
	const struct layer_spec *spec;
	const struct backend *backend;
	void *state;
	struct backend_env env;
	struct layer_events events;
	atomic_uint_fast64_t counters[COUNTERS];
	struct call_counters calls[LAYER_OPERATIONS];
	struct distrust *distrust;
	struct intents *intents;
	struct freshness freshness; /* if the backend can revalidate */
	atomic_int_fast64_t caught_up_ms;
	atomic_int_fast64_t settled_ms; /* that a key was there before says nothing of it now */
};

static int freshness_open(struct layer *l)
{
	int64_t period_ms = l->spec->common.revalidate_ms;

	if (period_ms < 0)
		period_ms = l->backend->revalidate_ms;
	l->freshness.period_ms = period_ms;
	return l->backend->revalidate ? freshness_init(&l->freshness, period_ms) : 0;
}

/* Before a call that may find out that the layer has a key. */
static int64_t look_begin(const struct layer *l)
{
	return l->backend->revalidate ? time_mono_ms(&time_system) : 0;
}

/* The layer has the key, as it was asked for at that instant, or not. */
static void note_presence(struct layer *l, struct key key, int64_t asked_ms, bool present)
{
	if (!l->backend->revalidate)
		return;
	if (present)
		freshness_note(&l->freshness, key, asked_ms);
	else
		freshness_forget(&l->freshness, key);
}

/*
 * It dropped what it had missed changes of, or has less than others of a directory that was
 * renamed: nobody else has removed that.
 */
static void note_settled(struct layer *l)
{
	atomic_store(&l->settled_ms, time_mono_ms(&time_system));
}

/* What it dropped of its own accord nobody has removed: a copy in another durable layer may stay.
 * One that has to be asked for that (kept_all) met what is gone, whoever removed it. */
static void on_gone(void *self, struct key key)
{
	struct layer *l = self;

	if (!l->backend->kept_all)
		note_presence(l, key, 0, false);
	l->events.gone(l->events.self, key);
}

static void on_changed(void *self, struct key key)
{
	struct layer *l = self;

	l->events.changed(l->events.self, key);
}

static void layer_free(struct layer *l)
{
	if (l->distrust)
		distrust_free(l->distrust);
	if (l->intents)
		intents_free(l->intents);
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
	l->distrust = distrust_new();
	l->intents = intents_new();
	bool ready = l->distrust && l->intents && freshness_open(l) == 0;
	int rc = ready ? l->backend->open(spec->conf, &l->env, &l->state, problem)
		       : problem_set(problem, NULL, NULL, "out of memory");
	if (rc < 0) {
		layer_free(l);
		return rc;
	}
	*layer = l;
	return 0;
}

void layer_close(struct layer *l)
{
	l->backend->close(l->state);
	layer_free(l);
}

int layer_remember(struct layer *l, struct state *state)
{
	if (!l->backend->durable)
		return 0;
	int rc = distrust_remember(l->distrust, state, l->spec->name);
	return rc < 0 ? rc : intents_remember(l->intents, state, l->spec->name);
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

static void count(struct layer *l, enum counter counter)
{
	if (l->spec->common.stats_enabled)
		atomic_fetch_add_explicit(&l->counters[counter], 1, memory_order_relaxed);
}

/* Before a call: when it began, if that is of interest. */
static int64_t call_begin(const struct layer *l)
{
	return l->spec->common.stats_enabled ? time_mono_ns() : 0;
}

static void count_call(struct call_counters *c, int64_t took_ns)
{
	int i = 0;

	while (i < LAYER_LATENCIES - 1 && took_ns > layer_latency_ns[i])
		i++;
	atomic_fetch_add_explicit(&c->by_latency[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->total_ns, (uint64_t)took_ns, memory_order_relaxed);
}

/* Too big or too long is the caller's affair; that it is down, a backend says itself. */
static bool is_trouble(int rc)
{
	return rc != -EFBIG && rc != -ENAMETOOLONG && rc != -EHOSTDOWN;
}

static void call_recovered(struct layer *l, enum layer_operation operation)
{
	if (atomic_exchange(&l->calls[operation].failing, false))
		log_info("layer \"%s\" can %s again", l->spec->name,
			 layer_operation_names[operation]);
}

/* What every operation returns passes here: misses are ordinary, the rest is trouble. */
static int call_end(struct layer *l, enum layer_operation operation, int64_t begun_ns, int rc)
{
	struct call_counters *c = &l->calls[operation];

	assert(rc <= 0);
	if (begun_ns != 0)
		count_call(c, time_mono_ns() - begun_ns);
	if (rc == 0 && atomic_load_explicit(&c->failing, memory_order_relaxed))
		call_recovered(l, operation);
	if (rc == 0 || rc == -ENOENT || rc == -ENODATA) /* the journal's kind of a miss */
		return rc;
	atomic_fetch_add_explicit(&c->errors, 1, memory_order_relaxed);
	if (is_trouble(rc) && !atomic_exchange(&c->failing, true))
		log_warning("layer \"%s\" fails to %s: %s; said once until it can again",
			    l->spec->name, layer_operation_names[operation], strerror(-rc));
	log_debug("layer \"%s\": %s: %s", l->spec->name, layer_operation_names[operation],
		  strerror(-rc));
	return rc;
}

static void enter(struct key key)
{
	assert(key_is_valid(key));
	assert(lock_none_held());
}

static void enter_dir(struct key dir)
{
	assert(dir.size <= KEY_MAX);
	assert(lock_none_held());
}

/* --- distrust --------------------------------------------------------------------------------- */

int layer_distrust(struct layer *l, struct key key, enum distrust_kind kind)
{
	uint64_t before = distrust_count(l->distrust);

	int rc = distrust_add(l->distrust, key, kind);
	if (!l->backend->durable) /* its entries end with the daemon, as what it missed does */
		rc = 0;
	if (before == 0)
		log_warning(
			"layer \"%s\" missed a change; what it holds of the keys is ignored until "
			"it has been told",
			l->spec->name);
	if (rc < 0 && rc != -ENOTSUP)
		log_error("layer \"%s\" missed a change, and that cannot be remembered: %s",
			  l->spec->name, strerror(-rc));
	return rc;
}

bool layer_trusts(struct layer *l, struct key key)
{
	return !distrust_covers(l->distrust, key) && !intents_cover(l->intents, key);
}

bool layer_trusts_dir(struct layer *l, struct key dir)
{
	return !distrust_covers_dir(l->distrust, dir) && !intents_cover(l->intents, dir);
}

bool layer_hides_below(struct layer *l, struct key dir)
{
	return distrust_hides_below(l->distrust, dir) || intents_meet(l->intents, dir);
}

bool layer_doubts_marker(struct layer *l, struct key dir)
{
	return distrust_covers_marker(l->distrust, dir);
}

uint64_t layer_trust_changes(const struct layer *l)
{
	return distrust_ends(l->distrust) + intents_ends(l->intents);
}

/* A set below a prefix that the layer has not removed yet would go with the rest. */
static bool awaits_clearing(struct layer *l, struct key key)
{
	return distrust_covers_prefix(l->distrust, key);
}

/* What is put there would be hidden, or go along with what is still to be moved. */
static bool awaits_moving(struct layer *l, struct key key)
{
	return intents_cover(l->intents, key) || intents_take_along(l->intents, key, false);
}

bool layer_missed(struct layer *l, struct tombstone *tombstone)
{
	return distrust_next(l->distrust, tombstone);
}

static int tell(struct layer *l, const struct tombstone *t)
{
	struct key key = key_make(t->key.bytes, t->key.size);
	int64_t begun = call_begin(l);
	int rc;

	switch (t->kind) {
	case DISTRUST_KEY:
		rc = call_end(l, LAYER_REMOVE, begun, l->backend->remove(l->state, key));
		break;
	case DISTRUST_MARKER:
		rc = call_end(l, LAYER_DIR_SET, begun, l->backend->dir_remove(l->state, key));
		break;
	case DISTRUST_PREFIX:
	default:
		rc = call_end(l, LAYER_REMOVE_PREFIX, begun,
			      l->backend->remove_prefix(l->state, key));
	}
	note_settled(l);
	return rc == -ENOENT ? 0 : rc;
}

/* Whether it is still to move something to where the tombstone says that it holds nothing. */
static bool moves_first(struct layer *l, const struct tombstone *t)
{
	struct key key = key_make(t->key.bytes, t->key.size);

	return t->kind == DISTRUST_PREFIX ? intents_meet(l->intents, key)
					  : intents_cover(l->intents, key);
}

int layer_tell(struct layer *l, const struct tombstone *tombstone)
{
	assert(lock_none_held());
	if (moves_first(l, tombstone))
		return -EAGAIN;
	if (!distrust_begin(l->distrust, tombstone))
		return 0;
	int rc = tell(l, tombstone);
	int forgotten = distrust_applied(l->distrust, tombstone, rc == 0);

	return rc < 0 ? rc : forgotten;
}

/* Tells the layer all that it missed below dir, whose changes the caller has to itself. */
static int settle_below(struct layer *l, struct key dir)
{
	struct tombstone t, last = { .kind = DISTRUST_KEY };
	struct key_buffer marker;
	bool any = false;
	int rc = 0;

	while (rc == 0 && distrust_any_within(l->distrust, marker_key(&marker, dir), &t)) {
		if (any && t.kind == last.kind && t.key.size == last.key.size &&
		    memcmp(t.key.bytes, last.key.bytes, t.key.size) == 0)
			return -EBUSY; /* another thread is about it */
		rc = tell(l, &t);
		if (rc == 0)
			rc = distrust_forget(l->distrust, key_make(t.key.bytes, t.key.size),
					     t.kind);
		last = t;
		any = true;
	}
	return rc;
}

/* --- reads ------------------------------------------------------------------------------------ */

int layer_stat(struct layer *l, struct key key, struct meta *meta)
{
	enter(key);
	if (!layer_trusts(l, key))
		return -ENOENT;
	int64_t begun = call_begin(l), asked_ms = look_begin(l);
	int rc = call_end(l, LAYER_STAT, begun, l->backend->stat(l->state, key, meta));
	if (rc == 0)
		note_presence(l, key, asked_ms, true);
	return rc;
}

int layer_get(struct layer *l, struct key key, struct value **value, struct meta *meta)
{
	enter(key);
	*value = NULL;
	count(l, COUNT_GET);
	int rc = -ENOENT;
	if (layer_trusts(l, key)) {
		int64_t begun = call_begin(l), asked_ms = look_begin(l);
		rc = call_end(l, LAYER_GET, begun, l->backend->get(l->state, key, value, meta));
		if (rc == 0)
			note_presence(l, key, asked_ms, true);
	}
	assert((rc == 0) == (*value != NULL));
	assert(rc < 0 || value_size(*value) == meta->size);
	count(l, rc == 0 ? COUNT_HIT : COUNT_MISS);
	return rc;
}

int layer_peek(struct layer *l, struct key key, struct value **value, struct meta *meta)
{
	enter(key);
	*value = NULL;
	if (!layer_trusts(l, key))
		return -ENOENT;
	int64_t begun = call_begin(l);
	int rc = l->backend->peek ? l->backend->peek(l->state, key, value, meta)
				  : l->backend->get(l->state, key, value, meta);
	assert((rc == 0) == (*value != NULL));
	return call_end(l, LAYER_PEEK, begun, rc);
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
	return !freshness_turn(&l->caught_up_ms, l->freshness.period_ms) ||
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

	enter(key);
	if (!l->backend->revalidate || !freshness_is_due(&l->freshness, key, &seen_ms) ||
	    !layer_trusts(l, key))
		return 0;
	int64_t begun = call_begin(l), asked_ms = look_begin(l);
	int rc = l->backend->revalidate(l->state, key, meta);
	if (rc == -ENOENT && !was_removed(l, seen_ms, meta))
		rc = -ENODATA;
	call_end(l, LAYER_REVALIDATE, begun, rc == -ESTALE ? 0 : rc);
	if (rc == 0 || rc == -ENODATA)
		note_presence(l, key, asked_ms, rc == 0);
	return rc == -ENOENT || rc == -ESTALE || rc == -ENODATA ? rc : 0;
}

bool layer_may_have_lost(struct layer *l, struct key key)
{
	int64_t seen_ms = 0;

	if (l->backend->revalidate)
		freshness_is_due(&l->freshness, key, &seen_ms);
	return seen_ms > atomic_load(&l->settled_ms);
}

void layer_note_hit(struct layer *l, struct key key)
{
	if (l->backend->note_hit)
		l->backend->note_hit(l->state, key);
}

/* What it says of a directory that it does not know as it is now: that it is there. */
static void doubt_marker(struct layer *l, struct key dir, struct meta *meta)
{
	if (!distrust_covers_marker(l->distrust, dir))
		return;
	meta_fini(meta);
	*meta = (struct meta){ 0 };
}

static void doubt_markers(struct layer *l, struct key dir, struct children *batch)
{
	struct key_buffer key;

	for (size_t i = 0; i < batch->count && distrust_count(l->distrust) > 0; i++) {
		struct child *child = &batch->items[i];
		if (child->is_dir && key_join(&key, dir, child->name) == 0)
			doubt_marker(l, key_make(key.bytes, key.size), &child->meta);
	}
}

int layer_list(struct layer *l, struct key dir, struct key after, bool after_is_dir,
	       struct children *batch)
{
	enter_dir(dir);
	assert(batch->count == 0);
	int64_t begun = call_begin(l);
	int rc = call_end(l, LAYER_LIST, begun,
			  l->backend->list(l->state, dir, after, after_is_dir, batch));
	assert(rc < 0 || batch->end || batch->count > 0);
	doubt_markers(l, dir, batch);
	return rc;
}

int layer_dir_stat(struct layer *l, struct key dir, struct meta *meta)
{
	enter_dir(dir);
	if (!layer_trusts_dir(l, dir))
		return -ENOENT;
	int64_t begun = call_begin(l);
	int rc = call_end(l, LAYER_DIR_STAT, begun, l->backend->dir_stat(l->state, dir, meta));
	if (rc == 0)
		doubt_marker(l, dir, meta);
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

	enter(key);
	assert(value_size(value) == meta->size);
	ending.copy = layer_copy_end(l, meta->own, limit);
	if (awaits_clearing(l, key) || awaits_moving(l, key))
		return -EHOSTDOWN;
	count(l, COUNT_SET);
	int64_t begun = call_begin(l), asked_ms = look_begin(l);
	int rc = call_end(l, LAYER_SET, begun, l->backend->set(l->state, key, value, &ending));
	note_presence(l, key, asked_ms, rc == 0);
	return rc == 0 ? distrust_forget(l->distrust, key, DISTRUST_KEY) : rc;
}

int layer_touch(struct layer *l, struct key key, const struct meta *meta, unsigned fields,
		struct end limit)
{
	struct meta ending = *meta;

	enter(key);
	if (intents_cover(l->intents, key))
		return -EHOSTDOWN;
	if (!layer_trusts(l, key))
		return -ENOENT;
	if (fields & META_EXPIRY)
		ending.copy = layer_copy_end(l, meta->own, limit);
	int64_t begun = call_begin(l);
	return call_end(l, LAYER_TOUCH, begun, l->backend->touch(l->state, key, &ending, fields));
}

int layer_remove(struct layer *l, struct key key)
{
	enter(key);
	if (intents_cover(l->intents, key))
		return -EHOSTDOWN;
	if (awaits_clearing(l, key))
		return -ENOENT;
	count(l, COUNT_REMOVE);
	int64_t begun = call_begin(l);
	int rc = call_end(l, LAYER_REMOVE, begun, l->backend->remove(l->state, key));
	note_presence(l, key, 0, false);
	int forgotten = rc == 0 || rc == -ENOENT ? distrust_forget(l->distrust, key, DISTRUST_KEY)
						 : 0;
	return forgotten < 0 ? forgotten : rc;
}

int layer_remove_prefix(struct layer *l, struct key prefix)
{
	assert(prefix.size <= KEY_MAX + 1);
	assert(lock_none_held());
	if (intents_meet(l->intents, prefix))
		return -EHOSTDOWN;
	if (distrust_covers_prefix(l->distrust, prefix))
		return 0; /* that is to come anyway */
	int64_t begun = call_begin(l);
	int rc = call_end(l, LAYER_REMOVE_PREFIX, begun,
			  l->backend->remove_prefix(l->state, prefix));
	int forgotten = rc == 0 || rc == -ENOENT
				? distrust_forget(l->distrust, prefix, DISTRUST_PREFIX)
				: 0;
	return forgotten < 0 ? forgotten : rc;
}

int layer_rename(struct layer *l, struct key from, struct key to)
{
	enter(from);
	enter(to);
	if (intents_cover(l->intents, from) || awaits_moving(l, to))
		return -EHOSTDOWN;
	if (!layer_trusts(l, from))
		return -ENOENT;
	if (awaits_clearing(l, to))
		return -EHOSTDOWN;
	int64_t begun = call_begin(l);
	int rc = call_end(l, LAYER_RENAME, begun, l->backend->rename(l->state, from, to));
	note_presence(l, from, 0, false);
	return rc == 0 ? distrust_forget(l->distrust, to, DISTRUST_KEY) : rc;
}

static int move_own(struct layer *l, struct key from, struct key to)
{
	int64_t begun = call_begin(l);
	int rc = call_end(l, LAYER_RENAME, begun, l->backend->rename(l->state, from, to));

	return rc == -ENOENT ? 0 : rc;
}

/* What is below, then the value of its own key. */
static int move(struct layer *l, struct key from, struct key to)
{
	int64_t begun = call_begin(l);
	int rc = call_end(l, LAYER_RENAME_PREFIX, begun,
			  l->backend->rename_prefix(l->state, from, to));

	note_settled(l);
	return rc < 0 ? rc : move_own(l, from, to);
}

/* Tells it what it missed of one key. */
static int settle_key(struct layer *l, struct key key)
{
	struct tombstone t = { .kind = DISTRUST_KEY };

	if (!distrust_covers(l->distrust, key))
		return 0;
	memcpy(t.key.bytes, key.bytes, key.size);
	t.key.size = key.size;
	int rc = tell(l, &t);
	return rc < 0 ? rc : distrust_forget(l->distrust, key, DISTRUST_KEY);
}

static bool meets_intents(struct layer *l, struct key dir)
{
	struct key_buffer marker;

	return intents_meet(l->intents, marker_key(&marker, dir));
}

/* An old copy would be believed under its new name, a new one would go. */
static int settle(struct layer *l, struct key from, struct key to)
{
	if (meets_intents(l, from) || meets_intents(l, to) ||
	    intents_take_along(l->intents, to, true))
		return -EHOSTDOWN;
	if (!layer_trusts_dir(l, to))
		return -EHOSTDOWN;
	/* Otherwise all that is there is to go. */
	int rc = layer_trusts_dir(l, from) ? settle_below(l, from) : 0;
	if (rc == 0)
		rc = settle_below(l, to);
	if (rc == 0)
		rc = settle_key(l, from);
	return rc == 0 ? settle_key(l, to) : rc;
}

/* Whether it missed something that the rename of a directory would carry along, or meet. */
static bool missed_within(struct layer *l, struct key dir)
{
	struct tombstone ignored;
	struct key_buffer marker;

	return distrust_covers(l->distrust, dir) || distrust_covers_dir(l->distrust, dir) ||
	       distrust_any_within(l->distrust, marker_key(&marker, dir), &ignored);
}

bool layer_settle(struct layer *l, struct key from, struct key to)
{
	enter(from);
	enter(to);
	if (missed_within(l, from) || missed_within(l, to))
		settle(l, from, to);
	return !missed_within(l, from) && !missed_within(l, to);
}

int layer_move(struct layer *l, struct key from, struct key to, bool *begun)
{
	enter(from);
	enter(to);
	*begun = false;
	int rc = settle(l, from, to);
	if (rc < 0)
		return rc;
	*begun = true;
	return layer_trusts_dir(l, from) ? move(l, from, to) : move_own(l, from, to);
}

int layer_check_move(struct layer *l, struct key from, struct key to)
{
	enter(from);
	enter(to);
	return l->backend->check_rename_prefix ? l->backend->check_rename_prefix(l->state, from, to)
					       : 0;
}

int layer_dir_set(struct layer *l, struct key dir, const struct meta *meta)
{
	enter_dir(dir);
	if (awaits_moving(l, dir) || distrust_covers_dir(l->distrust, dir))
		return -EHOSTDOWN; /* it would go with what is still to be cleared */
	int64_t begun = call_begin(l);
	int rc = call_end(l, LAYER_DIR_SET, begun, l->backend->dir_set(l->state, dir, meta));
	return rc == 0 ? distrust_forget(l->distrust, dir, DISTRUST_MARKER) : rc;
}

int layer_sync(struct layer *l)
{
	assert(lock_none_held());
	int64_t begun = call_begin(l);
	return call_end(l, LAYER_SYNC, begun, l->backend->sync(l->state));
}

int layer_temp_file(struct layer *l)
{
	assert(lock_none_held());
	return l->backend->temp_file ? l->backend->temp_file(l->state) : -ENOTSUP;
}

/* --- moves that it missed --------------------------------------------------------------------- */

bool layer_catches_up(struct layer *l, int64_t id, struct key from, struct key to)
{
	if (!l->backend->durable || missed_within(l, from) || missed_within(l, to) ||
	    intents_count(l->intents) >= INTENTS_MAX ||
	    intents_add(l->intents, id, from, to, false) < 0)
		return false;
	log_warning("layer \"%s\" missed the rename of a directory; what it holds there is ignored "
		    "until it has caught up",
		    l->spec->name);
	return true;
}

void layer_moved(struct layer *l, int64_t id, struct key from, struct key to)
{
	intents_add(l->intents, id, from, to, true);
}

/* It can never move that: what it holds there goes. */
static int give_up(struct layer *l, struct key from)
{
	log_error(
		"layer \"%s\": a directory that was renamed cannot be moved there; what this layer "
		"holds of it is dropped",
		l->spec->name);
	struct key_buffer marker;
	int rc = layer_distrust(l, marker_key(&marker, from), DISTRUST_PREFIX);
	if (rc == 0)
		rc = layer_distrust(l, from, DISTRUST_KEY);
	return rc;
}

int layer_catch_up(struct layer *l)
{
	struct intent intent;

	assert(lock_none_held());
	if (!intents_first(l->intents, &intent))
		return -ENOENT;
	struct key from = key_make(intent.source.bytes, intent.source.size);
	struct key to = key_make(intent.target.bytes, intent.target.size);
	bool drops = key_equal(from, to);
	int rc = intent.moved || drops ? 0 : layer_check_move(l, from, to);
	if (rc == -ENAMETOOLONG || (drops && !intent.moved))
		rc = give_up(l, from);
	else if (rc == 0 && !intent.moved)
		rc = move(l, from, to);
	if (rc == 0)
		intents_note_moved(l->intents, intent.id);
	return rc < 0 ? (rc == -ENOENT ? -EIO : rc) : intents_end(l->intents, &intent);
}

/* --- numbers ---------------------------------------------------------------------------------- */

void layer_count_promotion(struct layer *l)
{
	count(l, COUNT_PROMOTION);
}

static void read_calls(struct call_counters *from, struct layer_calls *to)
{
	for (int i = 0; i < LAYER_LATENCIES; i++)
		to->by_latency[i] = atomic_load(&from->by_latency[i]);
	to->total_ns = atomic_load(&from->total_ns);
	to->errors = atomic_load(&from->errors);
}

void layer_stats(struct layer *l, struct layer_stats *stats)
{
	*stats = (struct layer_stats){
		.name = l->spec->name,
		.type = l->backend->type,
		.durable = l->backend->durable,
		.gets = atomic_load(&l->counters[COUNT_GET]),
		.hits = atomic_load(&l->counters[COUNT_HIT]),
		.misses = atomic_load(&l->counters[COUNT_MISS]),
		.sets = atomic_load(&l->counters[COUNT_SET]),
		.removes = atomic_load(&l->counters[COUNT_REMOVE]),
		.promotions = atomic_load(&l->counters[COUNT_PROMOTION]),
	};
	for (int i = 0; i < LAYER_OPERATIONS; i++) {
		read_calls(&l->calls[i], &stats->calls[i]);
		stats->errors += stats->calls[i].errors;
	}
	stats->tombstones = distrust_count(l->distrust) + intents_count(l->intents);
	stats->distrusted = distrust_is_whole(l->distrust);
	l->backend->usage(l->state, &stats->usage);
	if (!l->spec->common.stats_enabled)
		stats->usage.evictions = 0;
}
