/* Type "ttl": only expiry ends an entry. Only its options and open() are here; the rest is in
 * memory/types.h. */
#include "cache.h"

#include "memory/types.h"

static const struct option_spec ttl_options[] = {
	MEMORY_OPTION_EAGER_EXPIRY,
	{ .name = "cleanup_interval_s",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct memory_conf, cleanup_ms),
	  .def = "null",
	  .nullable = true,
	  .doc = "how often expired entries are looked for and removed without any operation; null "
		 "or 0: not" },
	{ 0 },
};

static int ttl_open(const void *conf, const struct backend_env *env, void **state,
		    struct problem *problem)
{
	return memory_start(conf, &entries_keep, env, state, problem);
}

const struct backend backend_ttl = {
	.type = "ttl",
	.options = ttl_options,
	.conf_size = sizeof(struct memory_conf),
	.default_ttl_ms = 3600 * 1000,
	.durable = false,
	.open = ttl_open,
	MEMORY_OPERATIONS,
};
