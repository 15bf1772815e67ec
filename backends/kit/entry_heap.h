#ifndef CACHEFS_ENTRY_HEAP_H
#define CACHEFS_ENTRY_HEAP_H

/* Arrays of entries, and binary heaps in these arrays. An array grows without moving its slots, so
 * its user never waits long. No lock: the user holds one. */

#include <assert.h>

#include "kit/entry.h"

#define NOT_IN_HEAP SIZE_MAX

/* Made with = {0}. */
struct entry_slots {
	struct entry ***segments;
	size_t segment_count, segment_room;
};

enum { ENTRY_SEGMENT = 1024 }; /* slots */

/* The i-th slot, which must be reserved. */
static inline struct entry **entry_slot(const struct entry_slots *a, size_t i)
{
	assert(i / ENTRY_SEGMENT < a->segment_count);
	return &a->segments[i / ENTRY_SEGMENT][i % ENTRY_SEGMENT];
}

bool entry_slots_reserve(struct entry_slots *a, size_t count); /* false: out of memory */
void entry_slots_fini(struct entry_slots *a);

/* Made with = { .order }. The user reserves a slot before adding an entry. */
struct entry_heap {
	enum entry_order order;
	struct entry_slots slots;
	size_t count;
};

void entry_heap_add(struct entry_heap *h, struct entry *e);
void entry_heap_remove(struct entry_heap *h, struct entry *e); /* if e is in one */
void entry_heap_settle(struct entry_heap *h, struct entry *e); /* after e's end or weight changed */

/* Puts e (in no heap of that order) into the place of `old`. Both must be equal in the order. */
void entry_heap_replace(struct entry_heap *h, struct entry *old, struct entry *e);

/* The first entry of the order; the entry that would be first without that one. NULL: there is
 * none. */
struct entry *entry_heap_first(const struct entry_heap *h);
struct entry *entry_heap_second(const struct entry_heap *h);

#endif
