#ifndef CACHEFS_MOVE_H
#define CACHEFS_MOVE_H

/* Renames of directories over the stack; layered_rename_prefix() itself is in layered.h. */

#include "stack/stack.h"

/* Carries out the moves of directories that the layers have still to do. The teller does those of a
 * layer that does not answer. Call at the start, before the first change. */
void move_finish(struct layered *c);

#endif
