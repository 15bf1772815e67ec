#ifndef CACHEFS_LAYER_CALL_H
#define CACHEFS_LAYER_CALL_H

/* Each call of a backend is timed, counted, and what it says of its failures logged. Thread-safe,
 * no locks. */

#include "stack/layer_gate.h"

/* Before a call: when it began, if that is of interest. */
int64_t layer_call_begin(const struct layer *l);

/* What every operation returns passes here: misses are ordinary, the rest is trouble. Returns rc as
 * layer_check_answer() lets it through. */
int layer_call_end(struct layer *l, enum layer_operation operation, int64_t begun_ns, int rc);

void layer_count(struct layer *l, enum counter counter);

/* Before a call that may find out that the layer has a key. */
int64_t layer_look_begin(const struct layer *l);

/* The layer has the key, as it was asked for at that instant, or not. */
void layer_note_presence(struct layer *l, struct key key, int64_t asked_ms, bool present);

#endif
