#ifndef CACHEFS_MOVE_H
#define CACHEFS_MOVE_H

/* Rename of a directory over the stack; layered_rename_prefix() itself is in layered.h. */

#include "stack/stack.h"

/* Carries out what the layers have pending of renames of directories; what does not answer is left
 * to the teller. At the start, before the first change. */
void move_finish(struct layered *c);

#endif
