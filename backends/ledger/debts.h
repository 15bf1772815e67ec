#ifndef CACHEFS_DEBTS_H
#define CACHEFS_DEBTS_H

/*
 * The changes that one layer missed: they never reached it, or their outcome is unknown. Until the
 * layer has applied a change, reads ignore its entries there. A missed removal is a *tombstone*.
 * The state, if there is one, stores the tombstone before the change is acknowledged, so it
 * survives a restart. There is a limit: beyond it, a removal fails if the layer would have to apply
 * it later. No tombstone is ever widened, because others may share the layer.
 *
 * A move is a rename of a directory that the layer has not carried out, or only half: all entries
 * below `key`, and its own value, go to `to`. Reads ignore what the layer holds at or below either
 * directory, and no change there reaches the layer. The row of the move is in the state
 * (debts_state.h) before the first layer moves anything. To carry a move out twice is harmless: a
 * backend moves what is still below the source. So nothing new is put there before the row is
 * removed.
 *
 * The order in which a layer applies changes: moves, oldest first, then keys and markers, prefixes
 * last. The keys of tombstones are those after all moves.
 *
 * Thread-safe; no lock may be held by the caller. Changes of one key come one at a time
 * (admission.h). Functions that return int: 0 or -errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/debts_state.h"

struct debts;

/* The limits: of keys, and of as many markers; of prefixes; of moves. */
enum { DEBTS_KEYS_MAX = 1000000, DEBTS_PREFIXES_MAX = 100000, DEBTS_MOVES_MAX = 64 };

struct debt {
	enum debt_kind kind;
	struct key_buffer key;
	/* Of a move: */
	struct key_buffer to;
	int64_t id;
	bool moved; /* the layer has moved, but the row is still in the state: nothing is hidden */
};

struct debts *debts_new(void); /* NULL: out of memory */
void debts_free(struct debts *d);

/* Stores the tombstones under the layer's name from now on, and reads what earlier runs left. */
int debts_remember(struct debts *d, struct state *state, const char *layer);

/* --- the question ----------------------------------------------------------------------------- */

/* The scope of a question: an entry; a directory, with all below it and its marker; any key that
 * begins with a prefix. */
enum debts_scope { DEBTS_OF_KEY, DEBTS_OF_DIR, DEBTS_OF_PREFIX };

enum {
	OWES_REMOVAL = 1 << 0,  /* of the key; of a key, or a prefix, that begins with the prefix */
	OWES_MARKER = 1 << 1,   /* the removal of the directory's marker; of one with the prefix */
	OWES_CLEARING = 1 << 2, /* the removal of all with a prefix, which the whole scope has */
	OWES_MOVE = 1 << 3,     /* the scope meets the source or the target of a move */
	/* An entry that is put there would go along if the move is carried out once more. After a
	 * crash it is, done or not, until its row is removed. */
	OWES_FOLLOWING = 1 << 4,

	/* Reads ignore an entry of the key; all of the directory. */
	OWES_HIDE_KEY = OWES_REMOVAL | OWES_CLEARING | OWES_MOVE,
	OWES_HIDE_DIR = OWES_CLEARING | OWES_MOVE,
	/* An entry that is put there would be removed with a prefix, or go along with a move. */
	OWES_REFUSE = OWES_CLEARING | OWES_MOVE | OWES_FOLLOWING,
};

/* Returns what the layer has still to apply in the scope: a set of OWES_...; 0: reads and sets may
 * use the layer there. Cheap while the layer has nothing at all to apply. */
unsigned debts_owed(struct debts *d, enum debts_scope scope, struct key key);

uint64_t debts_count(const struct debts *d);

/* Counts how often reads stopped ignoring entries; counted before they stop. */
uint64_t debts_ends(const struct debts *d);

/* --- a new one -------------------------------------------------------------------------------- */

/*
 * True if one more tombstone is within the limit, or needs no place. Ask for a change that can
 * still be refused: a change that has happened in another layer is added beyond the limit, for it
 * must not be forgotten.
 */
bool debts_have_room(struct debts *d, struct key key, enum debt_kind kind);

/*
 * Adds a tombstone. -ENOTSUP: added in memory alone, because there is no state; another error: the
 * state could not store it.
 */
int debts_add(struct debts *d, struct key key, enum debt_kind kind);

/* Adds a move whose row is in the state already. -ENOSPC: too many moves are still to be done. */
int debts_add_move(struct debts *d, int64_t id, struct key from, struct key to, bool moved);

/* --- telling ---------------------------------------------------------------------------------- */

/* Forgets tombstones that the layer has applied: of this key, of this marker, or of all with the
 * prefix; neither moves nor what is being applied. An error: not forgotten. */
int debts_forget(struct debts *d, struct key key, enum debt_kind kind);

/* Gets the change that is to be applied first; false: there is none. */
bool debts_first(struct debts *d, struct debt *debt);

/*
 * Takes the change to be applied, one at a time. -ENOENT: it has been forgotten meanwhile, and
 * nothing is to be applied; -EAGAIN: a move was added that would bring older entries under its
 * keys, and comes first. After 0, debts_end() ends it, and forgets it if the layer applied it
 * (`told`).
 */
int debts_begin(struct debts *d, const struct debt *debt);
int debts_end(struct debts *d, const struct debt *debt, bool told);

/* Gets any tombstone within the prefix, without taking it; false: there is none. */
bool debts_any_within(struct debts *d, struct key prefix, struct debt *debt);

#endif
