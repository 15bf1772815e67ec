#ifndef CACHEFS_LAYER_CHECK_H
#define CACHEFS_LAYER_CHECK_H

/* Checks the answers of stores. They are input: none of their bytes may reach an assert.
 * Thread-safe. */

#include "stack/layer_gate.h"

/*
 * Metadata of another kind of record, or with impossible values, is damage. Damage is logged once,
 * and a get of the key is a miss until the key is set or removed. So that users can do that, the
 * key is shown as a file that only the mount's owner may open, and that nobody can read. False: the
 * metadata is damaged, and *meta is what is shown.
 */
bool layer_check_entry(struct layer *l, struct key key, struct meta *meta);

/* As layer_check_entry(), for a directory: only the mount's owner may enter. */
void layer_check_dir(struct layer *l, struct key dir, struct meta *meta);

/* Checks the answer rc of a get. 0; or -errno, and the caller has nothing to finish: -ENOENT for
 * damage (-ENODATA in the journal). */
int layer_check_value(struct layer *l, struct key key, int rc, struct value **value,
		      struct meta *meta);

/* Checks a part of a listing that goes on behind `after`. Takes out names that no key leads to.
 * -EIO: the names are out of order. */
int layer_check_list(struct layer *l, struct key dir, struct key after, bool after_is_dir,
		     struct children *batch);

/* Returns rc if cache.h allows a backend this answer to the operation, and -EIO for any other. The
 * stack uses some of the others itself, and would wait or try again. */
int layer_check_answer(const struct layer *l, enum layer_operation operation, int rc);

#endif
