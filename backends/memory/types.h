#ifndef CACHEFS_MEMORY_TYPES_H
#define CACHEFS_MEMORY_TYPES_H

/*
 * The common parts of the types that keep entries on the heap (memory, lfu, ttl). The types differ
 * in their options, which all fill struct memory_conf, and in the policy that their open() passes
 * to memory_start(). Each struct backend ends with MEMORY_OPERATIONS.
 */

#include "memory/dirs.h"
#include "memory/keys.h"
#include "memory/store.h"

#define MEMORY_OPTION_MAX_ENTRIES(default_text)                                                    \
	{                                                                                          \
		.name = "max_entries", .type = OPT_COUNT,                                          \
		.offset = offsetof(struct memory_conf, max_entries), .def = (default_text),        \
		.min = 1, .nullable = true, .doc = "the most entries it holds"                     \
	}
#define MEMORY_OPTION_MAX_BYTES                                                                    \
	{                                                                                          \
		.name = "max_bytes", .type = OPT_BYTES,                                            \
		.offset = offsetof(struct memory_conf, max_bytes), .def = "null", .min = 1,        \
		.nullable = true,                                                                  \
		.doc = "the most bytes it holds: values, keys and what it takes to keep them"      \
	}
#define MEMORY_OPTION_EAGER_EXPIRY                                                                 \
	{                                                                                          \
		.name = "eager_expiry", .type = OPT_BOOL,                                          \
		.offset = offsetof(struct memory_conf, eager_expiry), .def = "true",               \
		.doc = "remove expired entries as any operation passes, not when touched"          \
	}

#define MEMORY_OPERATIONS                                                                          \
	.close = memory_close, .stat = memory_stat, .get = memory_get, .peek = memory_peek,        \
	.set = memory_set, .foresee = memory_foresee, .touch = memory_touch,                       \
	.remove = memory_remove, .remove_prefix = memory_remove_prefix, .rename = memory_rename,   \
	.rename_prefix = memory_rename_prefix, .check_rename_prefix = memory_check_rename_prefix,  \
	.list = memory_list, .dir_stat = memory_dir_stat, .dir_set = memory_dir_set,               \
	.dir_remove = memory_dir_remove, .sync = memory_sync, .note_hit = memory_note_hit,         \
	.usage = memory_usage

#endif
