#ifndef CACHEFS_LOCK_RANGES_H
#define CACHEFS_LOCK_RANGES_H

/*
 * Which bytes of a file one owner has locked, as fcntl(2) has it: the kernel decides what may be
 * locked, but does not say whose the lock is that is in the way. Not thread-safe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lock_range {
	int64_t start, last; /* both included */
	short type;          /* F_RDLCK or F_WRLCK */
};

/* In rising order; none touches another of its type. Zeroed: none. */
struct lock_ranges {
	struct lock_range *items;
	size_t count, capacity;
};

void lock_ranges_fini(struct lock_ranges *r);

/* Room for one change. 0 or -ENOMEM. */
int lock_ranges_reserve(struct lock_ranges *r);

/* The bytes from start to last have that type from now on, F_UNLCK: none. Reserved. */
void lock_ranges_set(struct lock_ranges *r, int64_t start, int64_t last, short type);

bool lock_ranges_cover(const struct lock_ranges *r, int64_t at);

/* The first range in the way of a lock of that type; NULL: none. */
const struct lock_range *lock_ranges_conflict(const struct lock_ranges *r, int64_t start,
					      int64_t last, short type);

#endif
