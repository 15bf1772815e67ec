#ifndef CACHEFS_DEBTS_STATE_H
#define CACHEFS_DEBTS_STATE_H

/*
 * The rows of the state (state.h) that say what layers still have to be told, by the layers' names;
 * debts.h has what one layer owes in memory. Thread-safe; call them with no lock held. Functions
 * return 0 or -errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/key.h"
#include "ledger/state.h"

/* To move all below a directory, and the value of its own key; to remove the entry of a key; the
 * marker of a directory, alone; all that begin with a prefix (key.h), markers included. */
enum debt_kind { DEBT_MOVE, DEBT_KEY, DEBT_MARKER, DEBT_PREFIX };
enum { DEBT_KINDS = DEBT_PREFIX + 1 };

/* --- one layer's ------------------------------------------------------------------------------ */

/* Tombstones; a prefix takes the place of those within it. forget(): with all within a prefix;
 * forget_one(): this one alone. */
int debts_state_add(struct state *s, const char *layer, struct key key, enum debt_kind kind);
int debts_state_forget(struct state *s, const char *layer, struct key key, enum debt_kind kind);
int debts_state_forget_one(struct state *s, const char *layer, struct key key, enum debt_kind kind);

/* Calls each with the layer's moves, oldest first, then its tombstones, until one returns an error;
 * id and to: of a move. The keys are borrowed. */
int debts_state_load(struct state *s, const char *layer,
		     int (*each)(void *self, enum debt_kind kind, struct key key, int64_t id,
				 struct key to),
		     void *self);

/* --- all layers' ------------------------------------------------------------------------------ */

/*
 * Whether tombstones were lost with a state that was damaged, so that any layer may have missed
 * anything; forgotten with note_found(), once layers are distrusted accordingly.
 */
bool debts_state_is_lost(struct state *s);
void debts_state_note_found(struct state *s);

/*
 * A move that is about to begin: one row for each layer, by name; their common number into *id. A
 * layer that has still missed something of either directory would move older entries than that,
 * were it to catch up: it drops what it holds at the source, and its row leads from the source to
 * the source.
 */
int debts_state_add_move(struct state *s, const char *const *layers, const bool *drops,
			 size_t count, struct key from, struct key to, int64_t *id);
/* These layers' rows are done, or turned around. */
int debts_state_forget_move(struct state *s, const char *const *layers, size_t count, int64_t id);
int debts_state_reverse_move(struct state *s, const char *const *layers, size_t count, int64_t id);

#endif
