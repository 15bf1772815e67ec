#ifndef CACHEFS_MEMORY_STORE_H
#define CACHEFS_MEMORY_STORE_H

/*
 * A layer on the heap: entries and markers in two stores of kit/entries.h, under one lock. A
 * marker's key is its directory's with a slash at the end, so that both stores have the order of a
 * listing; the root's is empty.
 *
 * Every operation is a few *passes*: a pass holds the lock, does a bounded amount of work, and
 * frees and tells of what it threw out after unlocking (freeing a value of 100 MB takes 8 ms, and
 * every lookup waits on this lock).
 */

#include <pthread.h>

#include "base/lock.h"
#include "cache.h"
#include "kit/entries.h"

enum { PASS_STEPS = 256 }; /* entries walked or thrown out while the lock is held */

/* Filled by the options of each type. */
struct memory_conf {
	uint64_t max_entries; /* 0: no limit */
	uint64_t max_bytes;   /* 0: no limit */
	bool eager_expiry;
	int64_t cleanup_ms; /* a thread looks for expired entries that often; <= 0: there is none */
};

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

/* A layer with this policy, as backend->open(): 0, or -EINVAL with the problem set. */
int memory_start(const struct memory_conf *conf, const struct entries_policy *policy,
		 const struct backend_env *env, void **state, struct problem *problem);

/* See struct backend. */
void memory_close(void *state);
int memory_sync(void *state);
void memory_usage(void *state, struct layer_usage *usage);

/* Whether an entry of so many bytes fits into the layer when it is empty. */
bool memory_fits_alone(const struct memory *m, uint64_t charge);

/* --- passes: one thread's, from begin() to end() ---------------------------------------------- */

struct pass {
	struct memory *m;
	struct instant now;
	struct entry *dead; /* out of the stores, to be freed */
};

/* Takes the lock; an eager layer loses some of what has expired. */
void pass_begin(struct pass *p, struct memory *m);

/* Releases it; frees the dead, and tells env->gone() of those that were lost. */
void pass_end(struct pass *p);

/* e, which is in no store any more, is dead: freed by pass_end(). */
void pass_bury(struct pass *p, struct entry *e);

/* The layer drops an entry of its own accord: expired, or else evicted. */
void pass_lose(struct pass *p, struct entry *e);

/* The entry of key; NULL: there is none, or it has expired (and is lost now). */
struct entry *pass_live(struct pass *p, struct key key);

/*
 * Evicts others until an entry of `charge` bytes fits in, in the place of `old` (NULL: of none). 0;
 * -EAGAIN: not after so many steps, let other threads in; -ENOSPC: what is in the way is open
 * somewhere, and charged to us (copy_on_get).
 */
int pass_make_room(struct pass *p, const struct entry *old, uint64_t charge, int steps);

#endif
