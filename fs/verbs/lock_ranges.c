/* See lock_ranges.h. */
#include "verbs/lock_ranges.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES = 3 }; /* what a change makes of the ranges that it meets, at most */

void lock_ranges_fini(struct lock_ranges *r)
{
	free(r->items);
	*r = (struct lock_ranges){ 0 };
}

int lock_ranges_reserve(struct lock_ranges *r)
{
	if (r->count + PIECES <= r->capacity)
		return 0;
	size_t capacity = r->capacity ? r->capacity * 2 : 4;
	struct lock_range *items = realloc(r->items, capacity * sizeof(*items));
	if (!items)
		return -ENOMEM;
	r->items = items;
	r->capacity = capacity;
	return 0;
}

/* The first range that ends at `at` or behind. */
static size_t find(const struct lock_ranges *r, int64_t at)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (r->items[middle].last < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void merge_with_next(struct lock_ranges *r, size_t i)
{
	if (i + 1 >= r->count || r->items[i].type != r->items[i + 1].type ||
	    r->items[i].last + 1 != r->items[i + 1].start)
		return;
	r->items[i].last = r->items[i + 1].last;
	r->count--;
	memmove(r->items + i + 1, r->items + i + 2, (r->count - i - 1) * sizeof(*r->items));
}

void lock_ranges_set(struct lock_ranges *r, int64_t start, int64_t last, short type)
{
	struct lock_range pieces[PIECES];
	size_t from = find(r, start), to = from, count = 0;

	while (to < r->count && r->items[to].start <= last)
		to++;
	if (to > from && r->items[from].start < start)
		pieces[count++] = (struct lock_range){ r->items[from].start, start - 1,
						       r->items[from].type };
	if (type != F_UNLCK)
		pieces[count++] = (struct lock_range){ start, last, type };
	if (to > from && r->items[to - 1].last > last)
		pieces[count++] = (struct lock_range){ last + 1, r->items[to - 1].last,
						       r->items[to - 1].type };
	assert(r->count - (to - from) + count <= r->capacity);
	memmove(r->items + from + count, r->items + to, (r->count - to) * sizeof(*r->items));
	memcpy(r->items + from, pieces, count * sizeof(*pieces));
	r->count = r->count - (to - from) + count;
	for (size_t i = from + count; i > 0 && i + 1 > from;
	     i--) /* downwards: each with the next */
		merge_with_next(r, i - 1);
}

bool lock_ranges_cover(const struct lock_ranges *r, int64_t at)
{
	size_t i = find(r, at);

	return i < r->count && r->items[i].start <= at;
}

const struct lock_range *lock_ranges_conflict(const struct lock_ranges *r, int64_t start,
					      int64_t last, short type)
{
	for (size_t i = find(r, start); i < r->count && r->items[i].start <= last; i++)
		if (type == F_WRLCK || r->items[i].type == F_WRLCK)
			return &r->items[i];
	return NULL;
}
