/* Type "lfu": evicts the least frequently used entry first. Only its options and open() are here;
 * the rest is in memory/types.h. */
#include "cache.h"

#include "memory/types.h"

static const struct option_spec lfu_options[] = {
	MEMORY_OPTION_MAX_ENTRIES("128"),
	MEMORY_OPTION_MAX_BYTES,
	MEMORY_OPTION_EAGER_EXPIRY,
	{ 0 },
};

static int lfu_open(const void *conf, const struct backend_env *env, void **state,
		    struct problem *problem)
{
	return memory_start(conf, &entries_lfu, env, state, problem);
}

const struct backend backend_lfu = {
	.type = "lfu",
	.options = lfu_options,
	.conf_size = sizeof(struct memory_conf),
	.durable = false,
	.open = lfu_open,
	MEMORY_OPERATIONS,
};
