#ifndef CACHEFS_TELLER_H
#define CACHEFS_TELLER_H

/*
 * The teller: a thread that applies to the layers the changes that they missed (layer_tell()), as
 * soon as they answer; stack_tell_soon() wakes it. A stack has one teller, started and stopped by
 * the thread that opens and closes the stack.
 */

#include "stack/stack.h"

/* Reads from the state the changes that layers missed in earlier runs. -EINVAL with the problem
 * set. */
int teller_remember(struct layered *c, struct problem *problem);
int teller_start(struct layered *c, struct problem *problem);
void teller_stop(struct layered *c); /* allowed if it was not started */

#endif
