#ifndef CACHEFS_LAYERED_H
#define CACHEFS_LAYERED_H

/*
 * The cache: an ordered stack of layers behind one set of operations. Thread-safe. It keeps the
 * order: changes of one key are admitted one at a time (a state, not a lock), gets never queue.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache.h"
#include "ledger/journal.h"

/* Both in the order of the configuration's words. */
enum promotion { PROMOTION_ALWAYS, PROMOTION_NEVER, PROMOTION_FREQUENCY_BASED };
enum write_strategy { WRITE_THROUGH, WRITE_BACK, WRITE_AROUND };
enum on_error { ON_ERROR_FAIL, ON_ERROR_SERVE };

/* What every layer has beside its backend's own options. */
struct layer_common {
	int64_t default_ttl_ms; /* of entries without an own end; -1: none */
	int64_t max_ttl_ms;     /* of all entries; -1: none */
	int64_t revalidate_ms;  /* -1: the backend's default */
	bool copy_on_get;
	bool stats_enabled;
};

/* One configured layer. */
struct layer_spec {
	const struct backend *backend;
	char *name;      /* unique in the stack, not empty; any other text */
	double priority; /* as configured: they are in its order */
	struct layer_common common;
	void *conf; /* backend->conf_size bytes, filled through backend->options */
};

struct cache_conf {
	struct layer_spec *layers; /* fastest first; at least one */
	size_t layer_count;
	enum promotion promotion;
	uint64_t promotion_threshold; /* gets of a key until frequency_based promotes it */
	enum write_strategy write_strategy;
	/* ON_ERROR_SERVE: what no durable layer takes is a change all the same, of the layers that
	 * are not durable; and sets, renames, directories and syncs do not fail for it. */
	enum on_error on_error;
	/* What must be remembered over a restart (state.h); NULL: nothing is, for tests. Opened
	 * only where something needs it. */
	const char *state_dir;
	uint64_t journal_max_bytes; /* of sets that write_back has acknowledged and not written */
	int64_t journal_wait_ms;    /* how long a set waits for room in it, then -ENOSPC */
	int64_t drain_timeout_ms;   /* how long layered_close() writes what is left */
};

extern const struct option_spec layer_common_options[]; /* fills struct layer_common */

struct layered;

/* gone(): an entry that may have been visible left every layer of its own accord, or another
 * program changed it; KEY_ROOT: any entry may have been. Called with no lock held. */
struct layered_events {
	void (*gone)(void *self, struct key key);
	void *self;
};

/* conf, time and events outlive the cache. -EINVAL with the problem set. */
int layered_open(const struct cache_conf *conf, const struct time_source *time,
		 const struct layered_events *events, struct layered **cache,
		 struct problem *problem);
void layered_close(struct layered *cache);

/* The end is near, and nobody waits for what only the drain can bring: changes that find no room in
 * a full journal fail with -ENOSPC, layered_flush() with -ETIMEDOUT. What the journal holds is
 * written all the same. */
void layered_ending(struct layered *cache);

/* To be called every second or so: whether what it remembers is still on the disk (state_look()). */
void layered_look(struct layered *cache);

/* A peek at the metadata, never a hit. -ENOENT: a miss; other errors: no layer could tell. */
int layered_stat(struct layered *cache, struct key key, struct meta *meta);

/*
 * The value, from the fastest layer that has it. GET_COUNTED: a get of the cache's user, a hit in
 * that layer; promotes it. GET_UNCOUNTED: the same user's, once more after a miss that was counted.
 * GET_TO_CHANGE: a look, for a read-modify-set; no hit anywhere.
 */
enum get_kind { GET_COUNTED, GET_UNCOUNTED, GET_TO_CHANGE };
int layered_get(struct layered *cache, struct key key, enum get_kind kind, struct value **value,
		struct meta *meta);

/* Counts a get that found nothing (a lookup of an absent name). */
void layered_count_miss(struct layered *cache);

/* Takes one such miss back: the caller only looked before it created. */
void layered_uncount_miss(struct layered *cache);

/*
 * A change of one entry. Between prepare() and done() no other change of the key is admitted.
 *
 * prepare() sees what is stored now (NULL: nothing) and decides, at the last moment before the
 * layers change: it fills a value (its reference passes on) and metadata, version included, and
 * returns 0, or a negative errno that ends the operation (-ECANCELED: nothing to do).
 * done() gets what the layers said (or prepare's refusal) and what was stored.
 * Both are called with no lock held and may take the caller's own.
 */
struct layered_change {
	int (*prepare)(void *self, const struct meta *now, struct value **value, struct meta *meta);
	void (*done)(void *self, int rc, const struct meta *stored);
	void *self;
};
int layered_set(struct layered *cache, struct key key, const struct layered_change *change);

/*
 * What a set of a value of this size is known to fail with before it is tried: -EIO, no layer is
 * there that it needs; -EFBIG; -ENOSPC. 0: nothing is known against it. key of no size: for any
 * key, and nobody waits; with a key it waits for room as the set would.
 */
int layered_foresee(struct layered *cache, struct key key, uint64_t size);

/* As layered_change, for operations without a value; hooks may be NULL. */
struct layered_hooks {
	int (*prepare)(void *self); /* admitted, nothing changed yet; not 0 ends the operation */
	void (*done)(void *self, int rc); /* changed, still admitted */
	void *self;
};
int layered_touch(struct layered *cache, struct key key, const struct meta *meta, unsigned fields,
		  const struct layered_hooks *hooks);
int layered_remove(struct layered *cache, struct key key, const struct layered_hooks *hooks);
int layered_rename(struct layered *cache, struct key from, struct key to,
		   const struct layered_hooks *hooks);
/* All that begins with the prefix (key.h), and the markers of such directories. -ENOENT: there was
 * nothing, in no layer; then done() is told so. */
int layered_remove_prefix(struct layered *cache, struct key prefix,
			  const struct layered_hooks *hooks);
/* What other programs stored under keys that nobody can name here, in every layer. 0, -ENOENT:
 * there was nothing; or what the first layer said that failed: nothing remembers it. */
int layered_remove_unreachable(struct layered *cache);
/* All below a directory, and the value of its own key; `to` shows nothing. -ENAMETOOLONG: a key
 * would be too long; nothing has moved. */
int layered_rename_prefix(struct layered *cache, struct key from, struct key to,
			  const struct layered_hooks *hooks);

/*
 * Directories: see struct backend. They are kept by the durable layers, or in the daemon if there
 * is none. A change of a marker is admitted as one of its key; prepare() may fill the metadata.
 */
int layered_dir_stat(struct layered *cache, struct key dir, struct meta *meta);
int layered_dir_set(struct layered *cache, struct key dir, const struct meta *meta,
		    const struct layered_hooks *hooks);
/* 1: no child is shown; 0: one is; -EIO: a layer could not be asked, so that nobody may take it for
 * empty; -errno. */
int layered_dir_is_empty(struct layered *cache, struct key dir);

/*
 * The merged children of a directory; as list() of struct backend, but a part may come to nothing
 * and not be the end (see struct children). Beside a layer that other programs write, what layers
 * that are not durable hold adds metadata to its names, and no names, while it answers.
 */
int layered_list(struct layered *cache, struct key dir, struct key after, bool after_is_dir,
		 struct children *batch);

/*
 * One layer by itself, by its index (fastest first): what it holds, not what the cache would
 * answer. Looks only: no hit, no promotion, no recency. NULL past the end; list() and dir_stat() as
 * in struct backend.
 */
const char *layered_layer_name(const struct layered *cache, size_t layer);
int layered_layer_stat(struct layered *cache, size_t layer, struct key key, struct meta *meta);
int layered_layer_get(struct layered *cache, size_t layer, struct key key, struct value **value,
		      struct meta *meta);
int layered_layer_dir_stat(struct layered *cache, size_t layer, struct key dir, struct meta *meta);
int layered_layer_list(struct layered *cache, size_t layer, struct key dir, struct key after,
		       bool after_is_dir, struct children *batch);

int layered_sync(struct layered *cache);

/*
 * Waits until what write_back owed the slower layers for the keys at and below prefix (the root:
 * all), when it was called, has been written. 0, also when nothing was owed; -ETIMEDOUT, also
 * when the end is near.
 */
int layered_flush(struct layered *cache, struct key prefix, int64_t deadline_ms);

/* An unnamed file for a large working copy, from the layer that could adopt it, or in the temporary
 * directory. */
int layered_temp_file(struct layered *cache);

/* The file system of such a file is full: evicts until it has so many bytes more, for a new value of
 * the key. 0: it may have them now; -errno: nobody could. Waits; no lock is held. */
int layered_free_space(struct layered *cache, struct key key, uint64_t bytes);

/* What a backend is asked for, as it is counted. */
enum layer_operation {
	LAYER_STAT,
	LAYER_GET,
	LAYER_PEEK,
	LAYER_REVALIDATE,
	LAYER_SET,
	LAYER_TOUCH,
	LAYER_REMOVE,
	LAYER_REMOVE_PREFIX,
	LAYER_RENAME,
	LAYER_RENAME_PREFIX,
	LAYER_LIST,
	LAYER_DIR_STAT,
	LAYER_DIR_SET,
	LAYER_SYNC,
	LAYER_OPERATIONS
};
extern const char *const layer_operation_names[LAYER_OPERATIONS]; /* "stat", "get", ... */

/* How long calls took: the upper bounds of the first buckets are 10 us, 100 us, ... 1 s; the last
 * takes the rest. */
enum { LAYER_LATENCIES = 7 };
extern const int64_t layer_latency_ns[LAYER_LATENCIES - 1];

struct layer_calls {
	uint64_t by_latency[LAYER_LATENCIES]; /* their sum: the calls */
	uint64_t total_ns;
	uint64_t errors; /* misses are none */
};

/*
 * A snapshot of one layer's counters. Without stats_enabled hits, misses, sets, evictions and calls
 * stay 0; errors, entries and bytes are always there. A new number is a member here and a row in
 * fs/inspect/stats.c.
 */
struct layer_stats {
	const char *name;
	const char *type;
	bool durable;
	uint64_t gets, hits, misses, sets, removes, errors, promotions;
	uint64_t tombstones; /* changes that it missed and has not been told yet */
	bool distrusted;     /* nothing in it is believed until it is cleared */
	struct layer_calls calls[LAYER_OPERATIONS];
	struct layer_usage usage;
};

struct cache_stats {
	uint64_t gets, hits, misses, sets, invalidations, failed_sets, unkept_sets;
	struct journal_stats journal;
	size_t layer_count;
	struct layer_stats *layers; /* malloc'ed */
};
int layered_stats(struct layered *cache,
		  struct cache_stats *stats); /* 0 or -ENOMEM; ended with free(stats->layers) */

/* The last durable layer's usage, for df; of the last layer if none is durable. */
void layered_usage(struct layered *cache, struct layer_usage *usage);

/*
 * The entry's own end, and when it is a miss: when the last layer that holds it ends its copy. Set
 * only when 0 is returned; -ENOENT: a miss already.
 */
int layered_end(struct layered *cache, struct key key, struct end *own, struct end *end);

/*
 * Calls visit with the name of each layer that holds the entry, and its copy's metadata, fastest
 * first, until one returns an error. 0, that error, or -ENOENT: no layer holds it.
 */
int layered_visit_holders(struct layered *cache, struct key key,
			  int (*visit)(void *self, const char *layer, const struct meta *meta),
			  void *self);

#endif
