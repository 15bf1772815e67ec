/* Tells what each layer holds, and what was counted. See layered.h. */
#include <errno.h>
#include <stdlib.h>

#include "stack/believed.h"
#include "stack/stack.h"
#include "stack/write_back.h"

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

/* --- numbers ---------------------------------------------------------------------------------- */

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
