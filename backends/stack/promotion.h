#ifndef CACHEFS_PROMOTION_H
#define CACHEFS_PROMOTION_H

/* Copies an entry that was found in a slower layer into the faster ones. */

#include "stack/layered.h"

/*
 * A get found this value in layer `from`: promotes it if the strategy says so, after the answer
 * (afterwards.h). The copies have the entry's metadata and its own end, and none outlives the copy
 * in `from`. If the key is being changed by then, or has changed, no copy is made.
 */
void promotion_consider(struct layered *c, size_t from, struct key key, struct value *value,
			const struct meta *meta);

#endif
