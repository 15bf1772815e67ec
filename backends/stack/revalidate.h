#ifndef CACHEFS_REVALIDATE_H
#define CACHEFS_REVALIDATE_H

/* Compares a copy in a faster layer with a slower layer that other programs write. Thread-safe. */

#include "stack/stack.h"

/*
 * Checks whether the entry that layer `from` answered, asked after the instant (foreign_now()), is
 * still what the slower layers that other programs write hold. 0, or -ESTALE: it was not, its
 * copies have been dropped, and the caller has to look again.
 */
int revalidate(struct layered *c, size_t from, uint64_t instant, struct key key,
	       const struct meta *meta);

#endif
