/* Type "memory": evicts the least recently used entry first. Only its options and open() are here;
 * the rest is in memory/types.h. */
#include "cache.h"

#include "memory/types.h"

static const struct option_spec memory_options[] = {
	MEMORY_OPTION_MAX_ENTRIES("null"),
	MEMORY_OPTION_MAX_BYTES,
	MEMORY_OPTION_EAGER_EXPIRY,
	{ 0 },
};

static int memory_open(const void *conf, const struct backend_env *env, void **state,
		       struct problem *problem)
{
	return memory_start(conf, &entries_lru, env, state, problem);
}

const struct backend backend_memory = {
	.type = "memory",
	.options = memory_options,
	.conf_size = sizeof(struct memory_conf),
	.durable = false,
	.open = memory_open,
	MEMORY_OPERATIONS,
};
