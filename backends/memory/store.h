#ifndef CACHEFS_MEMORY_STORE_H
#define CACHEFS_MEMORY_STORE_H

/*
 * A layer on the heap: entries and markers in two stores of kit/entries.h, under one lock. The key
 * of a marker is its directory's key with a slash at the end, so that both stores have the order of
 * a listing; the key of the root's marker is empty.
 *
 * Every operation consists of a few *passes*. A pass holds the lock and does a bounded amount of
 * work. After the unlock it frees the removed entries and reports the lost ones (to free a value of
 * 100 MB takes 8 ms, and every lookup waits for this lock).
 */

#include <pthread.h>

#include "base/lock.h"
#include "cache.h"
#include "kit/entries.h"

enum { PASS_STEPS = 256 }; /* the most entries that a pass visits or removes under the lock */

/* The options of each type fill this struct. */
struct memory_conf {
	uint64_t max_entries; /* 0: no limit */
	uint64_t max_bytes;   /* 0: no limit */
	bool eager_expiry;
	int64_t cleanup_ms; /* pause of the thread that removes expired entries; <= 0: no thread */
};

struct memory {
	const struct memory_conf *conf;
	const struct backend_env *env;
	struct lock lock; /* RANK_LAYER; guards the rest */
	struct entries entries;
	struct entries markers;
	/*
	 * If copy_on_get is false: entries that have left the stores, while handles still have
	 * their values open. They count against max_bytes until a pass notices that the last handle
	 * has closed.
	 */
	struct entry *lent_first, *lent_last;
	uint64_t lent_bytes;
	uint64_t evictions, expiries;
	/* The thread of cleanup_ms: */
	pthread_t cleaner;
	pthread_cond_t stop_cleaner;
	bool has_cleaner, stopping;
};

/* Makes a layer with this policy, as backend->open(): 0, or -EINVAL with the problem set. */
int memory_start(const struct memory_conf *conf, const struct entries_policy *policy,
		 const struct backend_env *env, void **state, struct problem *problem);

/* See struct backend. */
void memory_close(void *state);
int memory_sync(void *state);
void memory_usage(void *state, struct layer_usage *usage);

/* True if an entry of so many bytes fits into the empty layer. */
bool memory_fits_alone(const struct memory *m, uint64_t charge);

/* --- passes: one thread's, from begin() to end() ---------------------------------------------- */

struct pass {
	struct memory *m;
	struct instant now;
	struct entry *dead; /* in no store; pass_end() frees them */
};

/* Takes the lock. If eager_expiry is set, also removes some expired entries. */
void pass_begin(struct pass *p, struct memory *m);

/* Releases the lock, frees the dead entries, and calls env->gone() for the lost ones. */
void pass_end(struct pass *p);

/* Adds e, which is in no store any more, to the dead entries: pass_end() frees it. */
void pass_bury(struct pass *p, struct entry *e);

/* Drops an entry that nobody asked to remove: it has expired, or the layer evicts it. */
void pass_lose(struct pass *p, struct entry *e);

/* Returns the entry of key. NULL: there is none, or it has expired (and this call dropped it). */
struct entry *pass_live(struct pass *p, struct key key);

/*
 * Evicts other entries until an entry of `charge` bytes fits in, in the place of `old` (NULL: of no
 * entry). 0. -EAGAIN: it does not fit after so many steps; the caller lets other threads in and
 * tries again. -ENOSPC: only values that handles have open are left, and they count against this
 * layer (copy_on_get).
 */
int pass_make_room(struct pass *p, const struct entry *old, uint64_t charge, int steps);

#endif
