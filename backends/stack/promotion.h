#ifndef CACHEFS_PROMOTION_H
#define CACHEFS_PROMOTION_H

/* Copying an entry found in a slower layer into the faster ones. */

#include "stack/layered.h"

/*
 * A get found this in layer `from`: promotes it if the strategy says so, after the answer
 * (afterwards.h). The copies have the entry's metadata, its own end too, and none outlives the
 * copy that it was taken from; if the key is
 * being changed by then, or has changed, there are none.
 */
void promotion_consider(struct layered *c, size_t from, struct key key, struct value *value,
			const struct meta *meta);

#endif
