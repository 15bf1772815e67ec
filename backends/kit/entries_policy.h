#ifndef CACHEFS_ENTRIES_POLICY_H
#define CACHEFS_ENTRIES_POLICY_H

/*
 * A policy chooses the entry to evict when a store of entries is full. A policy keeps its order in
 * fields of the entries and of the store. entries.c calls it under the lock of the store's user.
 * None of its functions fails.
 */

#include <stdbool.h>

struct entries;
struct entry;

struct entries_policy {
	void (*add)(struct entries *s, struct entry *e);
	void (*remove)(struct entries *s, struct entry *e);
	void (*replace)(struct entries *s, struct entry *old, struct entry *e); /* replaces old */
	void (*hit)(struct entries *s, struct entry *e);
	void (*refresh)(struct entries *s, struct entry *e); /* as if e were new */
	struct entry *(*victim)(const struct entries *s, const struct entry *except);
	bool weighs; /* the policy keeps a heap of the weights */
};

extern const struct entries_policy entries_lru; /* evicts the least recently used */
/*
 * Evicts the least frequently used, with aging as in LFU-DA. The weight of an entry is its uses
 * plus the weight of the last evicted entry, so that old favourites do not stay for ever. O(log n).
 */
extern const struct entries_policy entries_lfu;
extern const struct entries_policy entries_keep; /* evicts nothing */

#endif
