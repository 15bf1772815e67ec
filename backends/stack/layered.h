#ifndef CACHEFS_LAYERED_H
#define CACHEFS_LAYERED_H

/*
 * The cache: an ordered stack of layers behind one set of operations. Changes of one key are
 * admitted one at a time (a state, not a lock); gets never wait for them. Thread-safe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache.h"
#include "ledger/journal.h"

/* The values are in the order of the configuration's words. */
enum promotion { PROMOTION_ALWAYS, PROMOTION_NEVER, PROMOTION_FREQUENCY_BASED };
enum write_strategy { WRITE_THROUGH, WRITE_BACK, WRITE_AROUND };
enum on_error { ON_ERROR_FAIL, ON_ERROR_SERVE };

/* The options that every layer has beside those of its backend. */
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
	double priority; /* as configured; the layers are sorted by it */
	struct layer_common common;
	void *conf; /* backend->conf_size bytes, filled through backend->options */
};

struct cache_conf {
	struct layer_spec *layers; /* fastest first; at least one */
	size_t layer_count;
	enum promotion promotion;
	uint64_t promotion_threshold; /* gets of a key until frequency_based promotes it */
	enum write_strategy write_strategy;
	/* ON_ERROR_SERVE: a change that no durable layer takes is made in the layers that are not
	 * durable; and sets, renames, directories and syncs do not fail for that reason. */
	enum on_error on_error;
	/* Where the state is, which survives a restart (state.h); NULL, for tests: there is none.
	 * Opened only where something needs it. */
	const char *state_dir;
	uint64_t journal_max_bytes; /* of acknowledged sets that are not drained yet */
	int64_t journal_wait_ms;    /* how long a set waits for room in it, then -ENOSPC */
	int64_t drain_timeout_ms;   /* how long layered_close() drains */
};

extern const struct option_spec layer_common_options[]; /* fills struct layer_common */

struct layered;

/* gone(): the layers themselves dropped an entry that may have been visible, or another program
 * changed it; KEY_ROOT: any entry may be affected. Called with no lock held. */
struct layered_events {
	void (*gone)(void *self, struct key key);
	void *self;
};

/* conf, time and events must outlive the cache. -EINVAL with the problem set. */
int layered_open(const struct cache_conf *conf, const struct time_source *time,
		 const struct layered_events *events, struct layered **cache,
		 struct problem *problem);
void layered_close(struct layered *cache);

/* Announces the end: from now on nobody waits for the drain. Changes that find no room in a full
 * journal fail with -ENOSPC, layered_flush() with -ETIMEDOUT. The drain still writes what the
 * journal holds. */
void layered_ending(struct layered *cache);

/* Checks whether the state is still on the disk (state_look()). To be called about once a
 * second. */
void layered_look(struct layered *cache);

/* Reads the metadata, never as a hit. -ENOENT: a miss; other errors: no layer could tell. */
int layered_stat(struct layered *cache, struct key key, struct meta *meta);

/*
 * Reads the value from the fastest layer that has it. GET_COUNTED: a get by the cache's user;
 * counts a hit in that layer, and may promote the entry. GET_UNCOUNTED: the same get, repeated
 * after its miss was counted. GET_TO_CHANGE: a read for a read-modify-set; no hit in any layer.
 */
enum get_kind { GET_COUNTED, GET_UNCOUNTED, GET_TO_CHANGE };
int layered_get(struct layered *cache, struct key key, enum get_kind kind, struct value **value,
		struct meta *meta);

/* Counts a get that found nothing (a lookup of an absent name). */
void layered_count_miss(struct layered *cache);

/* Takes one such miss back: the caller only looked the name up to create it. */
void layered_uncount_miss(struct layered *cache);

/*
 * A change of one entry. Between prepare() and done() no other change of the key is admitted.
 *
 * prepare() gets the metadata of the entry that is stored now (NULL: none), at the last moment
 * before the layers change. It fills a value (whose reference passes on) and metadata, version
 * included, and returns 0. A negative errno ends the operation (-ECANCELED: nothing to do). done()
 * gets the layers' result (or that of prepare()), and the metadata that was stored. Both are called
 * with no lock held and may take the caller's own.
 */
struct layered_change {
	int (*prepare)(void *self, const struct meta *now, struct value **value, struct meta *meta);
	void (*done)(void *self, int rc, const struct meta *stored);
	void *self;
};
int layered_set(struct layered *cache, struct key key, const struct layered_change *change);

/*
 * Returns the error that a set of a value of this size would fail with, if it is known before the
 * set: -EIO, no layer that the set needs is there; -EFBIG; -ENOSPC. 0: nothing is known against the
 * set. A key of size 0 stands for any key, and the call does not wait; with a key the call waits
 * for room as the set would.
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
/* Removes all keys that begin with the prefix (key.h), and the markers of such directories.
 * -ENOENT: no layer had any of them; done() gets -ENOENT then. */
int layered_remove_prefix(struct layered *cache, struct key prefix,
			  const struct layered_hooks *hooks);
/* Removes from every layer the entries that other programs stored under keys that nobody can name
 * here. 0; -ENOENT: there were none; or the error of the first layer that failed, which nothing
 * tries again. */
int layered_remove_unreachable(struct layered *cache);
/* Renames a directory: all entries below it, and the value of its own key. `to` must show nothing.
 * -ENAMETOOLONG: a key would be too long; nothing has moved. */
int layered_rename_prefix(struct layered *cache, struct key from, struct key to,
			  const struct layered_hooks *hooks);

/*
 * Directories: see struct backend. The durable layers keep them, or the daemon if no layer is
 * durable. A change of a marker is admitted as one of its key; prepare() may fill the metadata.
 */
int layered_dir_stat(struct layered *cache, struct key dir, struct meta *meta);
int layered_dir_set(struct layered *cache, struct key dir, const struct meta *meta,
		    const struct layered_hooks *hooks);
/* 1: the directory shows no child; 0: it shows one; -EIO: a layer could not be asked, so that the
 * caller must not treat the directory as empty; another -errno. */
int layered_dir_is_empty(struct layered *cache, struct key dir);

/*
 * Lists the merged children of a directory, as list() of struct backend; but a part may be empty
 * and not be the last (see struct children). While a layer that other programs write answers, the
 * layers that are not durable add metadata to its names, and no names.
 */
int layered_list(struct layered *cache, struct key dir, struct key after, bool after_is_dir,
		 struct children *batch);

/*
 * Read one layer by its index (fastest first): what the layer holds, not what the cache would
 * answer. These calls change nothing: no hit, no promotion, no recency. layered_layer_name(): NULL
 * past the end. The others are as in struct backend.
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
 * Waits at most deadline_ms until the drain has written the sets that the journal held, when the
 * call began, for the keys at and below prefix (the root: all). 0, also if there were none;
 * -ETIMEDOUT, also after layered_ending().
 */
int layered_flush(struct layered *cache, struct key prefix, int64_t deadline_ms);

/* Opens an unnamed file for a large working copy, in the layer that could adopt it, or else in the
 * temporary directory. Returns the descriptor, or -errno. */
int layered_temp_file(struct layered *cache);

/* The file system of such a file is full: evicts entries until `bytes` more bytes are free for a
 * new value of the key. 0: they may be free now; -errno: no layer could free them. Waits; no lock
 * may be held. */
int layered_free_space(struct layered *cache, struct key key, uint64_t bytes);

/* The operations of a backend, as they are counted. */
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

/* The buckets that calls are counted in by duration. The upper bounds of the first ones are 10 us,
 * 100 us, ... 1 s; the last bucket takes the rest. */
enum { LAYER_LATENCIES = 7 };
extern const int64_t layer_latency_ns[LAYER_LATENCIES - 1];

struct layer_calls {
	uint64_t by_latency[LAYER_LATENCIES]; /* their sum is the number of calls */
	uint64_t total_ns;
	uint64_t errors; /* a miss is no error */
};

/*
 * A snapshot of one layer's counters. Without stats_enabled hits, misses, sets, evictions and calls
 * stay 0; errors, entries and bytes are always counted. A new number needs a member here and a row
 * in fs/inspect/stats.c.
 */
struct layer_stats {
	const char *name;
	const char *type;
	bool durable;
	uint64_t gets, hits, misses, sets, removes, errors, promotions;
	uint64_t tombstones; /* missed changes that the layer has not applied yet */
	bool distrusted;     /* reads ignore the whole layer until it is cleared */
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

/* Gets the slowest durable layer's usage, for df; that of the slowest layer if none is durable. */
void layered_usage(struct layered *cache, struct layer_usage *usage);

/*
 * Gets the entry's own end, and the end after which a get is a miss: that of the last copy in any
 * layer. Both are set only when 0 is returned; -ENOENT: a get is a miss already.
 */
int layered_end(struct layered *cache, struct key key, struct end *own, struct end *end);

/*
 * Calls visit() for each layer that holds the entry, fastest first, with the layer's name and the
 * metadata of its copy, until visit() returns an error. 0, that error, or -ENOENT: no layer holds
 * the entry.
 */
int layered_visit_holders(struct layered *cache, struct key key,
			  int (*visit)(void *self, const char *layer, const struct meta *meta),
			  void *self);

#endif
