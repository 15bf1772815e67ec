#ifndef CACHEFS_ENTRIES_H
#define CACHEFS_ENTRIES_H

/*
 * Entries in memory, by key: a hash table to get one, a skip list in byte order to list and to walk
 * prefixes, heaps of those that expire, and a policy that says who is evicted. The store has no
 * lock and frees no entry: its user holds his lock around every call and frees what he took out
 * after releasing it. Keys are compared as bytes; nothing here knows of directories.
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
	uint64_t bytes;       /* sum of the charges */
	struct entry_slots buckets; /* linear hashing: one more bucket per entry more, no rehash */
	size_t bucket_count, bucket_mask;
	struct entry_heap due[2];  /* by the steady clock, by the wall clock: they may move apart */
	struct entry_heap weights; /* LFU's */
	uint64_t inflation, clock; /* LFU's: the weight evicted last; counts uses */
	struct entry *first[ENTRIES_LEVELS];
	struct entry *newest, *oldest;
};

/* 0 or -ENOMEM. */
int entries_init(struct entries *s, const struct entries_policy *policy);
void entries_fini(struct entries *s); /* frees the entries too */

/* The entry of key; the first whose key is not less; the one that follows e. Or NULL. */
struct entry *entries_find(const struct entries *s, struct key key);
struct entry *entries_seek(const struct entries *s, struct key key);
struct entry *entries_next(const struct entry *e);

/* Room for one entry more, so that entries_put() cannot fail. False: out of memory. */
bool entries_reserve(struct entries *s);

/* Puts e in, after entries_reserve(); its key is not there. It is the store's until it is taken. */
void entries_put(struct entries *s, struct entry *e);
void entries_take(struct entries *s, struct entry *e);
void entries_evict(struct entries *s,
		   struct entry *e); /* taken for want of room: the policy ages */

/*
 * Moves what `from` holds into `to`, an entry in no store whose key is not there; `to` takes its
 * place in the policy's order, and `from` comes out empty. Cannot fail.
 */
void entries_move(struct entries *s, struct entry *from, struct entry *to);

/* Takes `old` out and puts e in its place in the policy's order; no other entry has e's key. Cannot
 * fail. */
void entries_replace(struct entries *s, struct entry *old, struct entry *e);

void entries_hit(struct entries *s, struct entry *e);
void entries_refresh(struct entries *s, struct entry *e); /* a use that is no hit */

/* meta_update() of an entry in the store. What xattrs it had come out in *old, a reference. */
void entries_update(struct entries *s, struct entry *e, const struct meta *meta, unsigned fields,
		    struct xattrs **old);

/* The entry that has been expired for longest by one of the clocks, or NULL. */
struct entry *entries_due(const struct entries *s, struct instant now);
bool entries_expire(const struct entries *s); /* whether any entry will */

/* Who is to be evicted: an expired one, or whom the policy names; never `except`. NULL: nobody. */
struct entry *entries_victim(const struct entries *s, const struct entry *except,
			     struct instant now);

#endif
