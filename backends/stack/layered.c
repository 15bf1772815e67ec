/*
 * See layered.h. The order of a change: durable layers first, slowest to fastest, then the others.
 * If no durable layer takes it, nothing has changed and the operation fails; once one has, a layer
 * that fails drops its copy, or is distrusted for the key if it cannot even do that.
 */
#include "stack/layered.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "stack/believed.h"
#include "base/log.h"
#include "stack/promotion.h"
#include "stack/revalidate.h"
#include "base/waiting.h"
#include "stack/write_back.h"

/* --- reads ------------------------------------------------------------------------------------ */

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

/* --- set -------------------------------------------------------------------------------------- */

/* The more telling of two failures: too big for all, no space, anything else. */
static int worse(int a, int b)
{
	if (a == 0 || a == -EFBIG)
		return b;
	return b == -ENOSPC ? b : a;
}

/* Sets are not for this layer; what it has of the key is old then. */
static bool is_bypassed(const struct layered *c, const struct layer *l)
{
	return l == c->bypassed || stack_is_journal(c, l);
}

static int set_in(struct layered *c, struct layer *l, struct key key, struct value *value,
		  const struct meta *meta)
{
	return layer_set(l, key, value, meta, stack_limit(c, l, meta->own));
}

/* What only the layers that are not durable will have, of a size that one of them takes. */
static struct value *value_for_serving(struct layered *c, struct value *value)
{
	for (size_t i = c->durable_count; i < c->count; i++)
		if (layer_foresee(c->order[i], KEY_ROOT, value_size(value)) == 0)
			return value_bytes(value) ? value_ref(value) : value_load(value);
	return NULL;
}

/* on_error "serve": no durable layer took a set, for that errno; 0: one has. */
static void note_kept(struct layered *c, int failure)
{
	if (failure == 0) {
		if (atomic_load_explicit(&c->unkept_told, memory_order_relaxed) &&
		    atomic_exchange(&c->unkept_told, false))
			log_info("on_error: what is set is kept again");
		return;
	}
	atomic_fetch_add(&c->unkept_sets, 1);
	if (!atomic_exchange(&c->unkept_told, true))
		log_warning("on_error: no layer that outlives the daemon takes what is set (%s); "
			    "it is served from the others; said once until one does",
			    strerror(failure == -EHOSTDOWN ? EIO : -failure));
}

static int write_through(struct layered *c, struct key key, struct value *value,
			 const struct meta *meta)
{
	size_t needed = c->durable_count ? c->durable_count : c->count;
	size_t taken = 0;
	int failure = 0;
	bool failed[STACK_MAX] = { false };

	assert(c->count <= STACK_MAX);
	for (size_t i = 0; i < needed; i++) {
		int rc = is_bypassed(c, c->order[i]) ? -EOPNOTSUPP
						     : set_in(c, c->order[i], key, value, meta);
		if (rc == 0) {
			/* To forget it is to take it only where that is all there is. */
			taken += c->forgets || !layer_forgets(c->order[i]);
			continue;
		}
		failed[i] = true;
		if (!is_bypassed(c, c->order[i]))
			failure = worse(failure, rc);
	}
	bool unkept = taken == 0 && failure < 0;
	if (unkept && !stack_serves(c))
		return failure == -EHOSTDOWN ? -EIO : failure;
	note_kept(c, unkept ? failure : 0);
	struct meta copied = *meta; /* borrows the xattrs */
	copied.unkept = unkept;
	struct value *loaded = unkept ? value_for_serving(c, value)
				      : stack_value_for_volatile(c, value);
	for (size_t i = 0; i < c->count; i++)
		if (i < needed ? failed[i]
			       : !loaded || (!unkept && is_bypassed(c, c->order[i])) ||
					 set_in(c, c->order[i], key, loaded, &copied) < 0)
			stack_drop(c, c->order[i], key);
	value_unref(loaded);
	return 0;
}

int layered_foresee(struct layered *c, struct key key, uint64_t size)
{
	size_t needed = c->durable_count ? c->durable_count : c->count;

	if (stack_serves(c))
		return 0;
	int failure = write_back_is_on(c) ? write_back_foresee(c, key, size) : -EFBIG;

	if (failure != -EFBIG)
		return failure;
	failure = 0;
	for (size_t i = 0; i < needed; i++) {
		if (is_bypassed(c, c->order[i]) || (layer_forgets(c->order[i]) && !c->forgets))
			continue;
		int rc = layer_foresee(c->order[i], key, size);
		if (rc == 0)
			return 0;
		if (rc != -EHOSTDOWN)
			failure = failure == -EHOSTDOWN ? rc : worse(failure, rc);
		else if (failure == 0)
			failure = rc;
	}
	return failure == -EHOSTDOWN ? -EIO : failure;
}

static int store(struct layered *c, struct key key, struct value *value, const struct meta *meta)
{
	int rc = write_back_is_on(c) ? write_back_set(c, key, value, meta) : -EFBIG;

	if (rc == -EFBIG || (rc < 0 && stack_serves(c))) { /* no journal, or too small a one */
		rc = write_through(c, key, value, meta);
		write_back_passed(c);
	}
	return rc;
}

int layered_set(struct layered *c, struct key key, const struct layered_change *change)
{
	struct admission_claim claim = stack_claim(key);
	struct value *value = NULL;
	struct meta now = { 0 }, meta = { 0 };

	int rc = stack_enter(c, &claim);
	if (rc < 0) {
		change->done(change->self, rc, &meta);
		return rc;
	}
	bool exists = layered_stat(c, key, &now) == 0;
	rc = change->prepare(change->self, exists ? &now : NULL, &value, &meta);
	if (rc == 0) {
		meta.size = value_size(value);
		meta.copy = meta.own;
		meta.unkept = false;
		if (c->forgets)
			meta.copy = end_make(END_STEADY,
					     time_steady_ms(c->time)); /* over at once */
		if (!value_bytes(value))
			waiting_begin(); /* the checksum of a file is a read of it all */
		rc = value_checksum(value, &meta.checksum);
		if (rc == 0)
			rc = store(c, key, value, &meta);
		atomic_fetch_add(rc == 0 ? &c->sets : &c->failed_sets, 1);
	}
	change->done(change->self, rc, &meta);
	stack_leave(c, &claim);
	value_unref(value);
	meta_fini(&now);
	meta_fini(&meta);
	return rc;
}

/* --- changes without a value ------------------------------------------------------------------ */

/* What one layer does in a change; -ENOENT says it had nothing to change. */
struct step {
	int (*run)(struct layer *l, const struct step *step);
	struct layered *cache;
	struct key key, to;
	const struct meta *meta;
	unsigned fields;
	bool prefix;
	bool removes;
};

/* A layer that is told later to remove what it was to remove now has done it, as far as anybody
 * sees. */
static int remove_later(struct layered *c, struct layer *l, const struct step *step)
{
	if (!c->state && layer_is_durable(l))
		return -ENOTSUP;
	int rc = layer_may_miss(l, step->key, step->prefix ? DEBT_PREFIX : DEBT_KEY);
	stack_tell_soon(c);
	return rc;
}

/* What the layer holds under the keys of the step is not what it should be. */
static void distrust_step(struct layered *c, struct layer *l, const struct step *step)
{
	enum debt_kind kind = step->prefix ? DEBT_PREFIX : DEBT_KEY;

	stack_missed(c, l, step->key, kind);
	if (step->to.size > 0)
		stack_missed(c, l, step->to, kind);
}

/*
 * Runs a step over the layers, durable ones first. A layer that cannot remove is told later, if
 * that can be remembered (-ENOSPC: it has missed too many). Otherwise the whole fails if a layer
 * fails before any has changed something; a later failure makes that layer distrusted for the keys.
 * -ENOENT: no layer had it.
 */
static int run_step(struct layered *c, const struct step *step)
{
	struct layer *away = NULL; /* that could not be the first to change */
	int rc = step->fields == 0 ? -ENOENT
				   : write_back_touch(c, step->key, step->meta, step->fields);
	bool undrained = rc == 0, changed = undrained;

	/* Without it the journal would be a layer that missed something: its entry would go. */
	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (step->to.size > 0) {
		rc = write_back_rename(c, step->key, step->to);
		if (rc != -EALREADY)
			return rc;
	}
	for (size_t i = 0; i < c->count; i++) {
		struct layer *l = c->order[i];
		if (undrained && (stack_is_journal(c, l) || write_back_is_slower(c, l)))
			continue;
		/* A copy alone must not change: what is away would be told to drop the last value
		 * that is kept. */
		if (away && !changed && !layer_is_durable(l) && !stack_serves(c))
			break;
		rc = step->run(l, step);
		if (rc < 0 && rc != -ENOENT && step->removes) {
			int later = remove_later(c, l, step);
			rc = later == 0 || later == -ENOSPC ? later : rc;
		}
		if (rc == 0)
			changed = true;
		if (rc == 0 || rc == -ENOENT)
			continue;
		/* It is away: it will be told what the others did, if they do it. */
		if (rc == -EHOSTDOWN && !changed && !step->removes && c->state && !away) {
			away = l;
			continue;
		}
		/* Removed here and not there, and that will be forgotten: the caller tries again.
		 */
		if (!changed || step->removes)
			return rc == -EHOSTDOWN ? -EIO : rc;
		distrust_step(c, l, step);
	}
	if (away && !changed)
		return -EIO;
	if (away)
		distrust_step(c, away, step);
	return changed ? 0 : -ENOENT;
}

/* Admits a change, asks the hooks, runs it. */
static int run_change(struct layered *c, struct admission_claim *claim, const struct step *step,
		      const struct layered_hooks *hooks)
{
	int rc = stack_enter(c, claim);
	bool admitted = rc == 0;

	if (rc == 0 && hooks && hooks->prepare)
		rc = hooks->prepare(hooks->self);
	if (rc == 0)
		rc = run_step(c, step);
	if (hooks && hooks->done)
		hooks->done(hooks->self, rc);
	if (admitted)
		stack_leave(c, claim);
	return rc;
}

static int step_touch(struct layer *l, const struct step *s)
{
	return layer_touch(l, s->key, s->meta, s->fields, stack_limit(s->cache, l, s->meta->own));
}

int layered_touch(struct layered *c, struct key key, const struct meta *meta, unsigned fields,
		  const struct layered_hooks *hooks)
{
	struct admission_claim claim = stack_claim(key);
	struct step step = {
		.run = step_touch, .cache = c, .key = key, .meta = meta, .fields = fields
	};

	return run_change(c, &claim, &step, hooks);
}

static int step_remove(struct layer *l, const struct step *s)
{
	return layer_remove(l, s->key);
}

int layered_remove(struct layered *c, struct key key, const struct layered_hooks *hooks)
{
	struct admission_claim claim = stack_claim(key);
	struct step step = { .run = step_remove, .key = key, .removes = true };

	atomic_fetch_add(&c->invalidations, 1);
	if (c->gets.slots)
		key_numbers_forget(&c->gets, key);
	return run_change(c, &claim, &step, hooks);
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

/* A layer without the source must not keep what the target was. */
static int step_rename(struct layer *l, const struct step *s)
{
	int rc = layer_rename(l, s->key, s->to);

	if (rc != -ENOENT)
		return rc;
	rc = layer_remove(l, s->to);
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
	struct admission_claim claim = { .spans = { { from, false }, { to, false } },
					 .span_count = 2 };
	struct step step = { .run = step_rename, .key = from, .to = to };
	struct rename_check check = { c, from, hooks };
	struct layered_hooks checked = { rename_prepare, rename_done, &check };

	return run_change(c, &claim, &step, &checked);
}

static int step_remove_prefix(struct layer *l, const struct step *s)
{
	return layer_remove_prefix(l, s->key);
}

int layered_remove_prefix(struct layered *c, struct key prefix, const struct layered_hooks *hooks)
{
	struct admission_claim claim = { .spans = { { prefix, true } }, .span_count = 1 };
	struct step step = {
		.run = step_remove_prefix, .key = prefix, .prefix = true, .removes = true
	};

	atomic_fetch_add(&c->invalidations, 1);
	int rc = run_change(c, &claim, &step, hooks);
	if ((rc == 0 || rc == -ENOENT) && c->markers) { /* goes last: it cannot fail */
		int markers = step.run(c->markers, &step);
		rc = rc == 0 ? 0 : markers;
	}
	return rc;
}

/* --- one layer by itself ---------------------------------------------------------------------- */

const char *layered_layer_name(const struct layered *c, size_t layer)
{
	return layer < c->count ? layer_name(c->layers[layer]) : NULL;
}

int layered_layer_stat(struct layered *c, size_t layer, struct key key, struct meta *meta)
{
	return layer_stat(c->layers[layer], key, meta);
}

int layered_layer_get(struct layered *c, size_t layer, struct key key, struct value **value,
		      struct meta *meta)
{
	return layer_peek(c->layers[layer], key, value, meta);
}

int layered_layer_dir_stat(struct layered *c, size_t layer, struct key dir, struct meta *meta)
{
	return believed_dir_stat(c->layers[layer], dir, meta);
}

int layered_layer_list(struct layered *c, size_t layer, struct key dir, struct key after,
		       bool after_is_dir, struct children *batch)
{
	return believed_list(c->layers[layer], dir, after, after_is_dir, batch);
}

/* --- the rest --------------------------------------------------------------------------------- */

/* What a layer that is away took may be lost with it; what the others took is theirs. */
static int sync_layers(struct layered *c)
{
	size_t away = 0, asked = 0;
	int rc = 0;

	for (size_t i = 0; i < c->durable_count; i++) {
		if (stack_is_journal(c, c->order[i]))
			continue;
		int one = layer_sync(c->order[i]);
		asked++;
		if (one == -EHOSTDOWN)
			away++;
		else if (one < 0)
			rc = one;
	}
	return rc == 0 && away > 0 && away == asked && !stack_serves(c) ? -EIO : rc;
}

int layered_sync(struct layered *c)
{
	uint64_t passed = write_back_passed_count(c);
	/* The journal is there; so is what layers missed: without it an older copy would be
	 * believed, or a rename that is over carried out once more. */
	int rc = c->state && !state_is_synced(c->state) ? write_back_sync_state(c) : 0;

	if (rc < 0 || !write_back_needs_sync(c, passed))
		return rc;
	rc = sync_layers(c);
	if (rc == 0)
		write_back_note_synced(c, passed);
	return rc;
}

int layered_temp_file(struct layered *c)
{
	int fd = write_back_temp_file(c);

	for (size_t i = 0; i < c->durable_count && fd < 0; i++)
		fd = layer_temp_file(c->order[i]);
	if (fd >= 0)
		return fd;
	const char *dir = getenv("TMPDIR");
	fd = open(dir && dir[0] == '/' ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int layered_free_space(struct layered *c, struct key key, uint64_t bytes)
{
	int rc = -ENOTSUP;

	for (size_t i = 0; i < c->durable_count && rc != 0; i++)
		rc = layer_free_space(c->order[i], key, bytes);
	return rc;
}

void layered_usage(struct layered *c, struct layer_usage *usage)
{
	struct layer_stats stats;

	layer_stats(c->durable_count ? c->order[0] : c->layers[c->count - 1], &stats);
	*usage = stats.usage;
}

/* A miss that is taken back after it was shown: rates over time would see a counter restart. */
static uint64_t misses_to_tell(struct layered *c)
{
	uint_fast64_t misses = atomic_load(&c->misses), told = atomic_load(&c->misses_told);

	while (told < misses && !atomic_compare_exchange_weak(&c->misses_told, &told, misses))
		;
	return told > misses ? told : misses;
}

int layered_stats(struct layered *c, struct cache_stats *stats)
{
	*stats = (struct cache_stats){
		.hits = atomic_load(&c->hits),
		.misses = misses_to_tell(c),
		.sets = atomic_load(&c->sets),
		.failed_sets = atomic_load(&c->failed_sets),
		.unkept_sets = atomic_load(&c->unkept_sets),
		.invalidations = atomic_load(&c->invalidations),
		.layer_count = c->count,
		.layers = calloc(c->count, sizeof(struct layer_stats)),
	};
	if (!stats->layers)
		return -ENOMEM;
	stats->gets = stats->hits + stats->misses;
	write_back_stats(c, &stats->journal);
	for (size_t i = 0; i < c->count; i++)
		layer_stats(c->layers[i], &stats->layers[i]);
	return 0;
}
