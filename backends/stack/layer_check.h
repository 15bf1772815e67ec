#ifndef CACHEFS_LAYER_CHECK_H
#define CACHEFS_LAYER_CHECK_H

/* Whether what a store says can be: it is input, and no assert is within its reach. Thread-safe. */

#include "stack/layer_gate.h"

/*
 * Metadata that is not of its kind of record, or that nothing can have, is damage: said once, and a
 * miss, until the key is set or removed. So that it can be, it is shown as what nobody but the
 * mount's owner may open, which nobody gets. False: it is damaged, and *meta is what is shown.
 */
bool layer_check_entry(struct layer *l, struct key key, struct meta *meta);

/* The same of a directory, or a marker: nobody else is let in. */
void layer_check_dir(struct layer *l, struct key dir, struct meta *meta);

/* What a get said. 0, or -errno with nothing to finish: -ENOENT if it was damage. */
int layer_check_value(struct layer *l, struct key key, int rc, struct value **value,
		      struct meta *meta);

/* A part of a listing, behind `after`. What no key leads to is taken out. -EIO: out of order. */
int layer_check_list(struct layer *l, struct key dir, struct key after, bool after_is_dir,
		     struct children *batch);

/* An answer of those that cache.h allows a backend for that operation; -EIO for any other, for the
 * stack uses some of them for itself, and would wait or try again. */
int layer_check_answer(const struct layer *l, enum layer_operation operation, int rc);

#endif
