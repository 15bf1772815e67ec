#ifndef CACHEFS_DEBTS_STATE_H
#define CACHEFS_DEBTS_STATE_H

/*
 * The rows of the state (state.h) with the changes that layers have still to apply, by the layers'
 * names; debts.h has those of one layer in memory. Thread-safe; call with no lock held. Functions
 * return 0 or -errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/key.h"
#include "ledger/state.h"

/* DEBT_MOVE: to move all below a directory, and the value of its own key. DEBT_KEY: to remove the
 * entry of a key. DEBT_MARKER: the marker of a directory, alone. DEBT_PREFIX: all that begin with a
 * prefix (key.h), markers included. */
enum debt_kind { DEBT_MOVE, DEBT_KEY, DEBT_MARKER, DEBT_PREFIX };
enum { DEBT_KINDS = DEBT_PREFIX + 1 };

/* --- one layer's ------------------------------------------------------------------------------ */

/* Add and remove rows of tombstones. A prefix replaces those within it. forget(): removes all
 * within a prefix; forget_one(): removes this one alone. */
int debts_state_add(struct state *s, const char *layer, struct key key, enum debt_kind kind);
int debts_state_forget(struct state *s, const char *layer, struct key key, enum debt_kind kind);
int debts_state_forget_one(struct state *s, const char *layer, struct key key, enum debt_kind kind);

/* Calls each() with the layer's moves, oldest first, then its tombstones, until it returns an
 * error; id and to are those of a move. The keys are borrowed. */
int debts_state_load(struct state *s, const char *layer,
		     int (*each)(void *self, enum debt_kind kind, struct key key, int64_t id,
				 struct key to),
		     void *self);

/* --- all layers' ------------------------------------------------------------------------------ */

/*
 * True if tombstones were lost with a damaged state, so that any layer may have missed any change;
 * forgotten with note_found(), once reads ignore the layers accordingly.
 */
bool debts_state_is_lost(struct state *s);
void debts_state_note_found(struct state *s);

/*
 * Adds the rows of a move that is about to begin, one for each layer's name; *id: their common
 * number. A layer that still misses a change of either directory (`drops`) must not catch up, for
 * it would move older entries: it drops what it holds at the source instead, and its row leads from
 * the source to the source.
 */
int debts_state_add_move(struct state *s, const char *const *layers, const bool *drops,
			 size_t count, struct key from, struct key to, int64_t *id);
/* Remove the rows of these layers, or turn them around. */
int debts_state_forget_move(struct state *s, const char *const *layers, size_t count, int64_t id);
int debts_state_reverse_move(struct state *s, const char *const *layers, size_t count, int64_t id);

#endif
