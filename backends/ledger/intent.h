#ifndef CACHEFS_INTENT_H
#define CACHEFS_INTENT_H

/*
 * Renames of directories that have begun. An intent "all below `source`, and its own value, to
 * `target`" is written down in the state, one row for each layer, before the first layer moves
 * anything, and taken out when the layers have done it. What a crash leaves, or a layer that did
 * not answer, is *pending* for that layer: nothing it holds at or below either directory is
 * believed, no change there reaches it, and it catches up first of all when it is told what it
 * missed (its tombstones come after, so they say what they say of the moved keys).
 *
 * A layer that has still missed something of either directory when the intent is written down would
 * move older entries than that, were it to catch up: it drops them (intent_record()).
 *
 * To carry out an intent twice is harmless: a backend moves what is still below the source. So
 * nothing new is put there before the row is out.
 *
 * struct intents: the pending ones of one layer, oldest first. Thread-safe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/key.h"
#include "ledger/state.h"

struct intents;

enum { INTENTS_MAX = 64 }; /* pending, for one layer */

struct intent {
	int64_t id;
	bool moved; /* done, but the row is not taken out: nothing is hidden */
	struct key_buffer source, target;
};

struct intents *intents_new(void); /* NULL: out of memory */
void intents_free(struct intents *p);

/* Takes over what earlier runs left for the layer. 0 or -errno. */
int intents_remember(struct intents *p, struct state *state, const char *layer);

/* Whether an entry of this key is not to be believed; whether a change of all that begins with the
 * prefix would touch something that is to be moved. Cheap while nothing is pending. */
bool intents_cover(struct intents *p, struct key key);
bool intents_meet(struct intents *p, struct key prefix);

uint64_t intents_count(struct intents *p);
uint64_t intents_ends(const struct intents *p); /* as distrust_ends() */

/* Whether what is put there, at key or (prefix) below it, would go along if a move were carried out
 * once more: after a crash it is, until its row is out, also one that is done. */
bool intents_take_along(struct intents *p, struct key key, bool prefix);

/* The row is in the state already. 0 or -ENOMEM. */
int intents_add(struct intents *p, int64_t id, struct key source, struct key target, bool moved);

/* The oldest; false: none. */
bool intents_first(struct intents *p, struct intent *intent);

/* The layer has done it: nothing is hidden any more. intents_end() takes the row out of the state
 * as well. */
void intents_note_moved(struct intents *p, int64_t id);
int intents_end(struct intents *p, const struct intent *intent);

/* --- the state -------------------------------------------------------------------------------- */

/* One row for each layer, by name; their common number into *id. A layer that drops is not to move
 * what it holds at the source, but to lose it: its row leads from the source to the source. */
int intent_record(struct state *s, const char *const *layers, const bool *drops, size_t count,
		  struct key source, struct key target, int64_t *id);
/* These layers' rows are done, or turned around. */
int intent_forget(struct state *s, const char *const *layers, size_t count, int64_t id);
int intent_reverse(struct state *s, const char *const *layers, size_t count, int64_t id);

#endif
