/* See layer.h. */
#include "layer.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lock.h"
#include "log.h"

const struct option_spec layer_common_options[] = {
	{ .name = "default_ttl_s",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct layer_common, default_ttl_ms),
	  .def = "null",
	  .nullable = true,
	  .doc = "the longest time this layer keeps an entry, in seconds" },
	{ .name = "copy_on_get",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct layer_common, copy_on_get),
	  .def = "true",
	  .doc = "charge a value that is being read to its reader, not to the layer" },
	{ .name = "stats_enabled",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct layer_common, stats_enabled),
	  .def = "true",
	  .doc = "count this layer's hits, misses, sets and evictions" },
	{ 0 },
};

enum counter {
	COUNT_GET,
	COUNT_HIT,
	COUNT_MISS,
	COUNT_SET,
	COUNT_REMOVE,
	COUNT_PROMOTION,
	COUNTERS
};

const char *const layer_operation_names[LAYER_OPERATIONS] = {
	[LAYER_STAT] = "stat",
	[LAYER_GET] = "get",
	[LAYER_PEEK] = "peek",
	[LAYER_SET] = "set",
	[LAYER_TOUCH] = "touch",
	[LAYER_REMOVE] = "remove",
	[LAYER_REMOVE_PREFIX] = "remove_prefix",
	[LAYER_RENAME] = "rename",
	[LAYER_RENAME_PREFIX] = "rename_prefix",
	[LAYER_LIST] = "list",
	[LAYER_DIR_STAT] = "dir_stat",
	[LAYER_DIR_SET] = "dir_set",
	[LAYER_SYNC] = "sync",
};

const int64_t layer_latency_ns[LAYER_LATENCIES - 1] = { 10000,    100000,    1000000,
							10000000, 100000000, 1000000000 };

/* The calls of one operation; the bucket is all the counting that a call needs beside its time. */
struct call_counters {
	atomic_uint_fast64_t by_latency[LAYER_LATENCIES], total_ns, errors;
	atomic_bool failing; /* said in the log */
};

struct distrusted {
	struct distrusted *next;
	struct key key;
	char bytes[];
};

struct layer {
	const struct layer_spec *spec;
	const struct backend *backend;
	void *state;
	struct backend_env env;
	atomic_uint_fast64_t counters[COUNTERS];
	struct call_counters calls[LAYER_OPERATIONS];

	atomic_size_t distrusted_count; /* read without the lock: nearly always 0 */
	struct lock lock;               /* RANK_LAYER; guards: */
	struct distrusted *distrusted;
};

int layer_open(const struct layer_spec *spec, const struct time_source *time,
	       void (*gone)(void *self, struct key key), void *self, struct layer **layer,
	       struct problem *problem)
{
	struct layer *l = calloc(1, sizeof(*l));

	if (!l)
		return problem_set(problem, NULL, NULL, "out of memory");
	l->spec = spec;
	l->backend = spec->backend;
	l->env = (struct backend_env){ .layer_name = spec->name,
				       .time = time,
				       .copy_on_get = spec->common.copy_on_get,
				       .gone = gone,
				       .self = self };
	lock_init(&l->lock, RANK_LAYER);
	int rc = l->backend->open(spec->conf, &l->env, &l->state, problem);
	if (rc < 0) {
		lock_fini(&l->lock);
		free(l);
		return rc;
	}
	*layer = l;
	return 0;
}

void layer_close(struct layer *l)
{
	l->backend->close(l->state);
	while (l->distrusted) {
		struct distrusted *d = l->distrusted;
		l->distrusted = d->next;
		free(d);
	}
	lock_fini(&l->lock);
	free(l);
}

const char *layer_name(const struct layer *l)
{
	return l->spec->name;
}

bool layer_is_durable(const struct layer *l)
{
	return l->backend->durable;
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
	if (rc == 0 || rc == -ENOENT)
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

void layer_distrust(struct layer *l, struct key key)
{
	struct distrusted *d = malloc(sizeof(*d) + key.size);

	log_warning("layer \"%s\" missed a change; its copy of one key is ignored until the key is "
		    "set or removed",
		    l->spec->name);
	if (!d)
		return;
	memcpy(d->bytes, key.bytes, key.size);
	d->key = key_make(d->bytes, key.size);
	lock_take(&l->lock);
	d->next = l->distrusted;
	l->distrusted = d;
	atomic_fetch_add(&l->distrusted_count, 1);
	lock_release(&l->lock);
}

bool layer_trusts(struct layer *l, struct key key)
{
	if (atomic_load(&l->distrusted_count) == 0)
		return true;
	lock_take(&l->lock);
	struct distrusted *d = l->distrusted;
	while (d && !key_equal(d->key, key))
		d = d->next;
	lock_release(&l->lock);
	return !d;
}

/* The layer was told of key, or of everything at and below it. */
static void trust_again(struct layer *l, struct key key, bool prefix)
{
	if (atomic_load(&l->distrusted_count) == 0)
		return;
	lock_take(&l->lock);
	for (struct distrusted **link = &l->distrusted; *link;) {
		struct distrusted *d = *link;
		if (!key_equal(d->key, key) && !(prefix && key_is_below(d->key, key))) {
			link = &d->next;
			continue;
		}
		*link = d->next;
		atomic_fetch_sub(&l->distrusted_count, 1);
		free(d);
	}
	lock_release(&l->lock);
}

static bool any_distrusted_below(struct layer *l, struct key dir)
{
	if (atomic_load(&l->distrusted_count) == 0)
		return false;
	lock_take(&l->lock);
	struct distrusted *d = l->distrusted;
	while (d && !key_is_below(d->key, dir))
		d = d->next;
	lock_release(&l->lock);
	return d != NULL;
}

/* --- reads ------------------------------------------------------------------------------------ */

int layer_stat(struct layer *l, struct key key, struct meta *meta)
{
	enter(key);
	if (!layer_trusts(l, key))
		return -ENOENT;
	int64_t begun = call_begin(l);
	return call_end(l, LAYER_STAT, begun, l->backend->stat(l->state, key, meta));
}

int layer_get(struct layer *l, struct key key, struct value **value, struct meta *meta)
{
	enter(key);
	*value = NULL;
	count(l, COUNT_GET);
	int rc = -ENOENT;
	if (layer_trusts(l, key)) {
		int64_t begun = call_begin(l);
		rc = call_end(l, LAYER_GET, begun, l->backend->get(l->state, key, value, meta));
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

void layer_note_hit(struct layer *l, struct key key)
{
	if (l->backend->note_hit)
		l->backend->note_hit(l->state, key);
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
	return rc;
}

int layer_dir_stat(struct layer *l, struct key dir, struct meta *meta)
{
	enter_dir(dir);
	int64_t begun = call_begin(l);
	return call_end(l, LAYER_DIR_STAT, begun, l->backend->dir_stat(l->state, dir, meta));
}

/* --- changes ---------------------------------------------------------------------------------- */

/* The layer's own default TTL caps what it keeps. */
static int64_t capped_expiry(const struct layer *l, int64_t expires_ms)
{
	if (l->spec->common.default_ttl_ms < 0)
		return expires_ms;
	int64_t cap = time_wall_ms(l->env.time) + l->spec->common.default_ttl_ms;
	return expires_ms == 0 || cap < expires_ms ? cap : expires_ms;
}

int layer_set(struct layer *l, struct key key, struct value *value, const struct meta *meta)
{
	struct meta capped = *meta; /* borrows the xattrs for the call */

	enter(key);
	assert(value_size(value) == meta->size);
	capped.expires_ms = capped_expiry(l, meta->expires_ms);
	count(l, COUNT_SET);
	int64_t begun = call_begin(l);
	int rc = call_end(l, LAYER_SET, begun, l->backend->set(l->state, key, value, &capped));
	if (rc == 0)
		trust_again(l, key, false);
	return rc;
}

int layer_touch(struct layer *l, struct key key, const struct meta *meta, unsigned fields)
{
	struct meta capped = *meta;

	enter(key);
	if (!layer_trusts(l, key))
		return -ENOENT;
	if (fields & META_EXPIRY)
		capped.expires_ms = capped_expiry(l, meta->expires_ms);
	int64_t begun = call_begin(l);
	return call_end(l, LAYER_TOUCH, begun, l->backend->touch(l->state, key, &capped, fields));
}

int layer_remove(struct layer *l, struct key key)
{
	enter(key);
	count(l, COUNT_REMOVE);
	int64_t begun = call_begin(l);
	int rc = call_end(l, LAYER_REMOVE, begun, l->backend->remove(l->state, key));
	if (rc == 0 || rc == -ENOENT)
		trust_again(l, key, false);
	return rc;
}

int layer_remove_prefix(struct layer *l, struct key dir)
{
	enter_dir(dir);
	int64_t begun = call_begin(l);
	int rc = call_end(l, LAYER_REMOVE_PREFIX, begun, l->backend->remove_prefix(l->state, dir));
	if (rc == 0)
		trust_again(l, dir, true);
	return rc;
}

int layer_rename(struct layer *l, struct key from, struct key to)
{
	enter(from);
	enter(to);
	if (!layer_trusts(l, from))
		return -ENOENT;
	int64_t begun = call_begin(l);
	int rc = call_end(l, LAYER_RENAME, begun, l->backend->rename(l->state, from, to));
	if (rc == 0)
		trust_again(l, to, false);
	return rc;
}

int layer_rename_prefix(struct layer *l, struct key from, struct key to)
{
	enter(from);
	enter(to);
	if (any_distrusted_below(l, from))
		return -EIO; /* an old copy would be believed under its new name */
	int64_t begun = call_begin(l);
	return call_end(l, LAYER_RENAME_PREFIX, begun,
			l->backend->rename_prefix(l->state, from, to));
}

int layer_dir_set(struct layer *l, struct key dir, const struct meta *meta)
{
	enter_dir(dir);
	int64_t begun = call_begin(l);
	return call_end(l, LAYER_DIR_SET, begun, l->backend->dir_set(l->state, dir, meta));
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
	l->backend->usage(l->state, &stats->usage);
	if (!l->spec->common.stats_enabled)
		stats->usage.evictions = 0;
}
