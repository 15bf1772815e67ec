/* Times and counts the calls of a layer, and logs their failures. See layer_call.h. */
#include "stack/layer_call.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "stack/layer_check.h"

void layer_count(struct layer *l, enum counter counter)
{
	if (l->spec->common.stats_enabled)
		atomic_fetch_add_explicit(&l->counters[counter], 1, memory_order_relaxed);
}

int64_t layer_call_begin(const struct layer *l)
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

int layer_call_end(struct layer *l, enum layer_operation operation, int64_t begun_ns, int rc)
{
	struct call_counters *c = &l->calls[operation];

	rc = layer_check_answer(l, operation, rc);
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

int64_t layer_look_begin(const struct layer *l)
{
	return l->backend->revalidate ? time_mono_ms(l->env.time) : 0;
}

void layer_note_presence(struct layer *l, struct key key, int64_t asked_ms, bool present)
{
	if (!l->backend->revalidate)
		return;
	if (present)
		freshness_note(&l->freshness, key, asked_ms);
	else
		freshness_forget(&l->freshness, key);
}

/* --- numbers ---------------------------------------------------------------------------------- */

void layer_count_promotion(struct layer *l)
{
	layer_count(l, COUNT_PROMOTION);
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
	stats->tombstones = debts_count(l->debts);
	stats->distrusted = !layer_trusts_dir(l, KEY_ROOT);
	l->backend->usage(l->state, &stats->usage);
	if (!l->spec->common.stats_enabled)
		stats->usage.evictions = 0;
}
