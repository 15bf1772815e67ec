/* The options that every layer has, and the names of its operations. See layered.h. */
#include "stack/layered.h"

const struct option_spec layer_common_options[] = {
	{ .name = "default_ttl_s",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct layer_common, default_ttl_ms),
	  .def = "null",
	  .nullable = true,
	  .doc = "when this layer's copy of an entry ends that has no end of its own, in seconds "
		 "after it was set" },
	{ .name = "max_ttl_s",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct layer_common, max_ttl_ms),
	  .def = "null",
	  .nullable = true,
	  .doc = "the longest time this layer keeps a copy of any entry, in seconds" },
	{ .name = "revalidate_ms",
	  .type = OPT_MS,
	  .offset = offsetof(struct layer_common, revalidate_ms),
	  .def = "null",
	  .nullable = true,
	  .doc = "how long a copy in a faster layer is served before this layer is asked whether "
		 "other programs changed it; null: what suits the type" },
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

const char *const layer_operation_names[LAYER_OPERATIONS] = {
	[LAYER_STAT] = "stat",       [LAYER_GET] = "get",
	[LAYER_PEEK] = "peek",       [LAYER_REVALIDATE] = "revalidate",
	[LAYER_SET] = "set",         [LAYER_TOUCH] = "touch",
	[LAYER_REMOVE] = "remove",   [LAYER_REMOVE_PREFIX] = "remove_prefix",
	[LAYER_RENAME] = "rename",   [LAYER_RENAME_PREFIX] = "rename_prefix",
	[LAYER_LIST] = "list",       [LAYER_DIR_STAT] = "dir_stat",
	[LAYER_DIR_SET] = "dir_set", [LAYER_SYNC] = "sync",
};

const int64_t layer_latency_ns[LAYER_LATENCIES - 1] = { 10000,    100000,    1000000,
							10000000, 100000000, 1000000000 };
