#ifndef CACHEFS_LOCK_RANGES_H
#define CACHEFS_LOCK_RANGES_H

/*
 * The bytes of a file that one owner has locked, as fcntl(2) defines it. The kernel decides which
 * locks are possible, but does not say whose lock conflicts. Not thread-safe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lock_range {
	int64_t start, last; /* both included */
	short type;          /* F_RDLCK or F_WRLCK */
};

/* In rising order; no range touches another of its type. Zeroed: empty. */
struct lock_ranges {
	struct lock_range *items;
	size_t count, capacity;
};

void lock_ranges_fini(struct lock_ranges *r);

/* Reserves room for one change. 0 or -ENOMEM. */
int lock_ranges_reserve(struct lock_ranges *r);

/* Sets the type of the bytes from start to last; F_UNLCK: unlocked. Call after
 * lock_ranges_reserve(). */
void lock_ranges_set(struct lock_ranges *r, int64_t start, int64_t last, short type);

bool lock_ranges_cover(const struct lock_ranges *r, int64_t at);

/* The first range that conflicts with a lock of that type; NULL: none. */
const struct lock_range *lock_ranges_conflict(const struct lock_ranges *r, int64_t start,
					      int64_t last, short type);

#endif
