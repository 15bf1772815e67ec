#ifndef CACHEFS_ENTRIES_POLICY_H
#define CACHEFS_ENTRIES_POLICY_H

/*
 * Who goes first when a store of entries is full. A policy keeps its order in fields of the entries
 * and of the store; entries.c calls it, under the lock of the store's user. None of its functions
 * fails.
 */

#include <stdbool.h>

struct entries;
struct entry;

struct entries_policy {
	void (*add)(struct entries *s, struct entry *e);
	void (*remove)(struct entries *s, struct entry *e);
	void (*replace)(struct entries *s, struct entry *old, struct entry *e); /* in its place */
	void (*hit)(struct entries *s, struct entry *e);
	void (*refresh)(struct entries *s, struct entry *e); /* it is as if it had just come */
	struct entry *(*victim)(const struct entries *s, const struct entry *except);
	bool weighs; /* it keeps a heap of the weights */
};

extern const struct entries_policy entries_lru; /* the least recently used */
/*
 * The least frequently used, with aging as in LFU-DA: an entry weighs its uses plus what the last
 * one evicted weighed, so that yesterday's favourites do not stay for ever. O(log n).
 */
extern const struct entries_policy entries_lfu;
extern const struct entries_policy entries_keep; /* nobody */

#endif
