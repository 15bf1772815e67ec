#ifndef CACHEFS_TELLER_H
#define CACHEFS_TELLER_H

/*
 * The teller: a thread that tells layers what they have missed (layer_tell()), as soon as they
 * answer; stack_tell_soon() wakes it. One per stack, started and stopped by the thread that
 * opens and closes it.
 */

#include "stack/stack.h"

/* Takes over from the state what earlier runs left. -EINVAL with the problem set. */
int teller_remember(struct layered *c, struct problem *problem);
int teller_start(struct layered *c, struct problem *problem);
void teller_stop(struct layered *c); /* fine if it was not started */

#endif
