#ifndef CACHEFS_ENTRY_HEAP_H
#define CACHEFS_ENTRY_HEAP_H

/* Arrays of entries that grow without moving, so that growing never stops their user for long, and
 * binary heaps in them. No lock: their user has one. */

#include <assert.h>

#include "kit/entry.h"

#define NOT_IN_HEAP SIZE_MAX

/* Made with = {0}. */
struct entry_slots {
	struct entry ***segments;
	size_t segment_count, segment_room;
};

enum { ENTRY_SEGMENT = 1024 }; /* slots */

/* One that is there. */
static inline struct entry **entry_slot(const struct entry_slots *a, size_t i)
{
	assert(i / ENTRY_SEGMENT < a->segment_count);
	return &a->segments[i / ENTRY_SEGMENT][i % ENTRY_SEGMENT];
}

bool entry_slots_reserve(struct entry_slots *a, size_t count); /* false: out of memory */
void entry_slots_fini(struct entry_slots *a);

/* Made with = { .order }; its slots are reserved before an entry is added. */
struct entry_heap {
	enum entry_order order;
	struct entry_slots slots;
	size_t count;
};

void entry_heap_add(struct entry_heap *h, struct entry *e);
void entry_heap_remove(struct entry_heap *h, struct entry *e); /* if it is in one of that order */
void entry_heap_settle(struct entry_heap *h, struct entry *e); /* what it is ordered by changed */

/* e, in no heap of that order, takes the place of `old`, with which it is equal. */
void entry_heap_replace(struct entry_heap *h, struct entry *old, struct entry *e);

/* The one that goes first, and who is first without it; or NULL. */
struct entry *entry_heap_first(const struct entry_heap *h);
struct entry *entry_heap_second(const struct entry_heap *h);

#endif
