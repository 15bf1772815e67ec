#ifndef CACHEFS_ENTRIES_H
#define CACHEFS_ENTRIES_H

/*
 * Entries in memory, by key. A hash table finds one entry; a skip list in byte order serves
 * listings and prefixes; heaps hold the entries that expire; a policy chooses the entry to evict.
 * The store has no lock and frees no entry: its user holds a lock around every call, and frees the
 * entries that it took out after the unlock. The store compares keys as bytes and knows nothing of
 * directories.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kit/entries_policy.h"
#include "kit/entry.h"
#include "kit/entry_heap.h"

enum { ENTRIES_LEVELS = 16 };

struct entries {
	const struct entries_policy *policy;
	size_t count;
	uint64_t bytes;             /* sum of the charges */
	struct entry_slots buckets; /* linear hashing: each new entry adds one bucket; no rehash */
	size_t bucket_count, bucket_mask;
	struct entry_heap due[2];  /* by the steady clock; by the wall clock: the two may diverge */
	struct entry_heap weights; /* LFU's */
	uint64_t inflation, clock; /* LFU's: the weight evicted last; counts uses */
	struct entry *first[ENTRIES_LEVELS];
	struct entry *newest, *oldest;
};

/* Makes an empty store. 0 or -ENOMEM. entries_fini() may end a store that entries_init() failed to
 * make, or that is all zero. */
int entries_init(struct entries *s, const struct entries_policy *policy);
void entries_fini(struct entries *s); /* frees the entries too */

/* entries_find(): the entry of key. entries_seek(): the first entry whose key is not less.
 * entries_next(): the entry that follows e. NULL: there is none. */
struct entry *entries_find(const struct entries *s, struct key key);
struct entry *entries_seek(const struct entries *s, struct key key);
struct entry *entries_next(const struct entry *e);

/* Makes room for one more entry, so that entries_put() cannot fail. False: out of memory. */
bool entries_reserve(struct entries *s);

/* entries_put(): adds e, after entries_reserve(); the store has no entry of that key. The store
 * owns e until entries_take() takes it out. */
void entries_put(struct entries *s, struct entry *e);
void entries_take(struct entries *s, struct entry *e);
void entries_evict(struct entries *s,
		   struct entry *e); /* takes e out to make room: the policy ages */

/*
 * Moves the content of `from` into `to`. `to` is in no store, and the store has no entry of its
 * key. `to` takes the place of `from` in the policy's order; `from` leaves the store, empty. Cannot
 * fail.
 */
void entries_move(struct entries *s, struct entry *from, struct entry *to);

/* Takes `old` out and puts e in its place in the policy's order. No other entry has e's key. Cannot
 * fail. */
void entries_replace(struct entries *s, struct entry *old, struct entry *e);

void entries_hit(struct entries *s, struct entry *e);
void entries_refresh(struct entries *s, struct entry *e); /* notes a use that is no hit */

/* Calls meta_update() for an entry in the store. *old gets the entry's former xattrs, with a
 * reference. */
void entries_update(struct entries *s, struct entry *e, const struct meta *meta, unsigned fields,
		    struct xattrs **old);

/* The entry that expired first by one of the clocks, or NULL if no entry has expired. */
struct entry *entries_due(const struct entries *s, struct instant now);
bool entries_expire(const struct entries *s); /* true: some entry will expire */

/* The entry to evict: an expired one, or the choice of the policy; never `except`. NULL: none. */
struct entry *entries_victim(const struct entries *s, const struct entry *except,
			     struct instant now);

#endif
