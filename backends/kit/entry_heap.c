/* Growing arrays of entries, and heaps in them. See entry_heap.h. */
#include "kit/entry_heap.h"

#include <assert.h>
#include <stdlib.h>

/* --- slots ------------------------------------------------------------------------------------ */

static bool add_segment(struct entry_slots *a)
{
	if (a->segment_count == a->segment_room) {
		size_t room = a->segment_room ? a->segment_room * 2 : 4;
		struct entry ***segments = realloc(a->segments, room * sizeof(*segments));
		if (!segments)
			return false;
		a->segments = segments;
		a->segment_room = room;
	}
	struct entry **segment = calloc(ENTRY_SEGMENT, sizeof(*segment));
	if (!segment)
		return false;
	a->segments[a->segment_count++] = segment;
	return true;
}

bool entry_slots_reserve(struct entry_slots *a, size_t count)
{
	while (a->segment_count * ENTRY_SEGMENT < count) {
		if (!add_segment(a))
			return false;
	}
	return true;
}

void entry_slots_fini(struct entry_slots *a)
{
	for (size_t i = 0; i < a->segment_count; i++)
		free(a->segments[i]);
	free(a->segments);
}

/* --- heaps ------------------------------------------------------------------------------------ */

static bool goes_before(enum entry_order order, const struct entry *a, const struct entry *b)
{
	if (order == ORDER_DUE)
		return end_ms(a->meta.copy) < end_ms(b->meta.copy);
	return a->weight != b->weight ? a->weight < b->weight : a->used_at < b->used_at;
}

static void heap_place(struct entry_heap *h, struct entry *e, size_t i)
{
	*entry_slot(&h->slots, i) = e;
	e->at[h->order] = i;
}

/* Whether the entry is where it says, and in order with those around it. */
static bool is_in_order(const struct entry_heap *h, const struct entry *e)
{
	size_t i = e->at[h->order];
	bool below = i == 0 || !goes_before(h->order, e, *entry_slot(&h->slots, (i - 1) / 2));

	for (size_t child = 2 * i + 1; below && child <= 2 * i + 2 && child < h->count; child++)
		below = !goes_before(h->order, *entry_slot(&h->slots, child), e);
	return below && i < h->count && *entry_slot(&h->slots, i) == e;
}

static void heap_up(struct entry_heap *h, struct entry *e, size_t i)
{
	while (i > 0) {
		struct entry *parent = *entry_slot(&h->slots, (i - 1) / 2);
		if (!goes_before(h->order, e, parent))
			break;
		heap_place(h, parent, i);
		i = (i - 1) / 2;
	}
	heap_place(h, e, i);
}

/* Of the two below place i the one that goes first, or NULL. */
static struct entry *child_of(const struct entry_heap *h, size_t i)
{
	size_t left = 2 * i + 1;

	if (left >= h->count)
		return NULL;
	struct entry *a = *entry_slot(&h->slots, left);
	struct entry *b = left + 1 < h->count ? *entry_slot(&h->slots, left + 1) : a;
	return goes_before(h->order, b, a) ? b : a;
}

static void heap_down(struct entry_heap *h, struct entry *e, size_t i)
{
	struct entry *child;

	while ((child = child_of(h, i)) != NULL && goes_before(h->order, child, e)) {
		size_t next = child->at[h->order];
		heap_place(h, child, i);
		i = next;
	}
	heap_place(h, e, i);
}

void entry_heap_add(struct entry_heap *h, struct entry *e)
{
	assert(e->at[h->order] == NOT_IN_HEAP);
	heap_up(h, e, h->count++);
	assert(is_in_order(h, e));
}

void entry_heap_settle(struct entry_heap *h, struct entry *e)
{
	heap_down(h, e, e->at[h->order]);
	heap_up(h, e, e->at[h->order]);
	assert(is_in_order(h, e));
}

void entry_heap_remove(struct entry_heap *h, struct entry *e)
{
	size_t i = e->at[h->order];

	if (i == NOT_IN_HEAP)
		return;
	assert(is_in_order(h, e));
	e->at[h->order] = NOT_IN_HEAP;
	struct entry *last = *entry_slot(&h->slots, --h->count);
	if (last == e)
		return;
	heap_place(h, last, i);
	entry_heap_settle(h, last);
}

void entry_heap_replace(struct entry_heap *h, struct entry *old, struct entry *e)
{
	assert(e->at[h->order] == NOT_IN_HEAP);
	heap_place(h, e, old->at[h->order]);
	old->at[h->order] = NOT_IN_HEAP;
	assert(is_in_order(h, e));
}

struct entry *entry_heap_first(const struct entry_heap *h)
{
	return h->count > 0 ? *entry_slot(&h->slots, 0) : NULL;
}

struct entry *entry_heap_second(const struct entry_heap *h)
{
	return h->count > 0 ? child_of(h, 0) : NULL;
}
