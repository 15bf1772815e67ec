#ifndef CACHEFS_REVALIDATE_H
#define CACHEFS_REVALIDATE_H

/* Whether a copy in a faster layer is still what a slower layer, that other programs write, holds.
 * Thread-safe. */

#include "stack/stack.h"

/*
 * Whether what layer `from` answered, asked after the instant (foreign_now()), is still what the
 * slower layers that other programs write hold. 0, or -ESTALE: it was not, the copies of it have
 * been dropped, and one has to look again.
 */
int revalidate(struct layered *c, size_t from, uint64_t instant, struct key key,
	       const struct meta *meta);

#endif
