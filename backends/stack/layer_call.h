#ifndef CACHEFS_LAYER_CALL_H
#define CACHEFS_LAYER_CALL_H

/* Times and counts each call of a backend, and logs its failures. Thread-safe, takes no lock. */

#include "stack/layer_gate.h"

/* Call before a backend. Returns the time, or 0 if the layer counts nothing. */
int64_t layer_call_begin(const struct layer *l);

/* Call with the answer rc of every operation. Misses are ordinary; any other error is counted and
 * logged. Returns rc as layer_check_answer() lets it through. */
int layer_call_end(struct layer *l, enum layer_operation operation, int64_t begun_ns, int rc);

void layer_count(struct layer *l, enum counter counter);

/* Call before a read of a key. Returns the time; 0: the backend cannot revalidate. */
int64_t layer_look_begin(const struct layer *l);

/* Records whether the layer had the key at asked_ms (layer_look_begin()). */
void layer_note_presence(struct layer *l, struct key key, int64_t asked_ms, bool present);

#endif
