#ifndef CACHEFS_MEMORY_STORE_H
#define CACHEFS_MEMORY_STORE_H

/*
 * What the types that keep entries on the heap (memory, lfu, ttl) share; they differ in options and
 * in the policy of who is evicted. Entries and markers live in two stores of entries.h, under one
 * lock. A marker's key is its directory's with a slash at the end, so that both stores have the
 * order of a listing; the root's is empty.
 *
 * Every operation is a few *passes*: a pass holds the lock, does a bounded amount of work, and
 * frees and tells of what it threw out after unlocking (freeing a value of 100 MB takes 8 ms, and
 * every lookup waits on this lock).
 */

#include <pthread.h>

#include "cache.h"
#include "kit/entries.h"
#include "base/lock.h"

enum { PASS_STEPS = 256 }; /* entries walked or thrown out while the lock is held */

/* Filled by the options of each type. */
struct memory_conf {
	uint64_t max_entries; /* 0: no limit */
	uint64_t max_bytes;   /* 0: no limit */
	bool eager_expiry;
	int64_t cleanup_ms; /* a thread looks for expired entries that often; <= 0: there is none */
};

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

struct memory {
	const struct memory_conf *conf;
	const struct backend_env *env;
	struct lock lock; /* RANK_LAYER; guards the rest */
	struct entries entries;
	struct entries markers;
	/*
	 * With copy_on_get false: entries that are in no store any more, whose values handles have
	 * open. They count against max_bytes until it is noticed that the last one has closed.
	 */
	struct entry *lent_first, *lent_last;
	uint64_t lent_bytes;
	uint64_t evictions, expiries;
	/* The thread of cleanup_ms: */
	pthread_t cleaner;
	pthread_cond_t stop_cleaner;
	bool has_cleaner, stopping;
};

/* A layer with this policy. 0, or -EINVAL with the problem set. */
int memory_start(const struct memory_conf *conf, const struct entries_policy *policy,
		 const struct backend_env *env, void **state, struct problem *problem);

/* --- passes ----------------------------------------------------------------------------------- */

struct pass {
	struct memory *m;
	struct instant now;
	struct entry *dead; /* out of the stores, to be freed */
};

void pass_begin(struct pass *p, struct memory *m); /* takes the lock */
void pass_end(struct pass *p);                     /* releases it; frees and tells of the dead */

void pass_bury(struct pass *p, struct entry *e); /* e is in no store any more */
void pass_lose(struct pass *p, struct entry *e); /* the layer drops it of its own accord */

/* The entry of key, unless it has expired. */
struct entry *pass_live(struct pass *p, struct key key);

/* --- operations of every type; see struct backend --------------------------------------------- */

int memory_rename(void *state, struct key from, struct key to);
void memory_close(void *state);
int memory_stat(void *state, struct key key, struct meta *meta);
int memory_get(void *state, struct key key, struct value **value, struct meta *meta);
int memory_peek(void *state, struct key key, struct value **value, struct meta *meta);
int memory_set(void *state, struct key key, struct value *value, const struct meta *meta);
int memory_foresee(void *state, struct key key, uint64_t size);
int memory_touch(void *state, struct key key, const struct meta *meta, unsigned fields);
int memory_remove(void *state, struct key key);
int memory_remove_prefix(void *state, struct key prefix);
int memory_rename_prefix(void *state, struct key from, struct key to);
int memory_check_rename_prefix(void *state, struct key from, struct key to);
int memory_list(void *state, struct key dir, struct key after, bool after_is_dir,
		struct children *batch);
int memory_dir_stat(void *state, struct key dir, struct meta *meta);
int memory_dir_set(void *state, struct key dir, const struct meta *meta);
int memory_dir_remove(void *state, struct key dir);
int memory_sync(void *state);
void memory_note_hit(void *state, struct key key);
void memory_usage(void *state, struct layer_usage *usage);

#define MEMORY_OPERATIONS                                                                          \
	.close = memory_close, .stat = memory_stat, .get = memory_get, .peek = memory_peek,        \
	.set = memory_set, .foresee = memory_foresee, .touch = memory_touch,                       \
	.remove = memory_remove,                                                                   \
	.remove_prefix = memory_remove_prefix, .rename = memory_rename,                            \
	.rename_prefix = memory_rename_prefix, .check_rename_prefix = memory_check_rename_prefix,  \
	.list = memory_list, .dir_stat = memory_dir_stat, .dir_set = memory_dir_set,               \
	.dir_remove = memory_dir_remove, .sync = memory_sync, .note_hit = memory_note_hit,         \
	.usage = memory_usage

#endif
