#ifndef CACHEFS_DEBTS_H
#define CACHEFS_DEBTS_H

/*
 * What one layer still has to be told: changes that never reached it, or whose answer never came.
 * Until it has been told, its entries there are not believed. One that removes something is a
 * *tombstone*: it is remembered in the state, if there is one, before the change is acknowledged,
 * and so survives a restart. Past a bound nothing more is to be removed from the layer later: such
 * a removal fails. No tombstone is ever widened: others may share the layer.
 *
 * A move is a rename of a directory that the layer has not carried out, or only half: all below
 * `key`, and its own value, to `to`. Nothing it holds at or below either directory is believed, and
 * no change there reaches it. Its row is in the state (debts_state.h) before the first layer moves
 * anything. To carry it out twice is harmless: a backend moves what is still below the source. So
 * nothing new is put there before the row is out.
 *
 * The order in which a layer is told: moves, oldest first, then keys and markers, prefixes last.
 * Tombstones say what they say of the keys as they are once all moves are done.
 *
 * Thread-safe; no lock may be held by the caller. Changes of one key come one at a time
 * (admission.h). Functions that return int: 0 or -errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/debts_state.h"

struct debts;

/* Of keys, and as many markers; of prefixes; of moves. */
enum { DEBTS_KEYS_MAX = 1000000, DEBTS_PREFIXES_MAX = 100000, DEBTS_MOVES_MAX = 64 };

struct debt {
	enum debt_kind kind;
	struct key_buffer key;
	/* Of a move: */
	struct key_buffer to;
	int64_t id;
	bool moved; /* the layer has done it, but the row is not taken out: nothing is hidden */
};

struct debts *debts_new(void); /* NULL: out of memory */
void debts_free(struct debts *d);

/* From now on they are remembered under the layer's name; takes over what earlier runs left. */
int debts_remember(struct debts *d, struct state *state, const char *layer);

/* --- the question ----------------------------------------------------------------------------- */

/* What is asked about: an entry; a directory, with all below it and its marker; what begins with a
 * prefix, any of it. */
enum debts_scope { DEBTS_OF_KEY, DEBTS_OF_DIR, DEBTS_OF_PREFIX };

enum {
	OWES_REMOVAL = 1 << 0,  /* of the key; of a key, or a prefix, that begins with the prefix */
	OWES_MARKER = 1 << 1,   /* the removal of the directory's marker; of one with the prefix */
	OWES_CLEARING = 1 << 2, /* the removal of all with a prefix, which the whole scope has */
	OWES_MOVE = 1 << 3,     /* the scope meets the source or the target of a move */
	/* What is put there would go along with a move that is carried out once more: after a crash
	 * it is, until its row is out, also one that is done. */
	OWES_FOLLOWING = 1 << 4,

	/* An entry of the key is not believed; nothing in the directory is. */
	OWES_HIDE_KEY = OWES_REMOVAL | OWES_CLEARING | OWES_MOVE,
	OWES_HIDE_DIR = OWES_CLEARING | OWES_MOVE,
	/* What is put there would go with what is to be removed, or along with a move. */
	OWES_REFUSE = OWES_CLEARING | OWES_MOVE | OWES_FOLLOWING,
};

/* What the layer has to be told of the scope: a set of OWES_...; 0: it may be believed, and put
 * there. Cheap while nothing at all is owed. */
unsigned debts_owed(struct debts *d, enum debts_scope scope, struct key key);

uint64_t debts_count(const struct debts *d);

/* How often something has become believed again: counted before it is. */
uint64_t debts_ends(const struct debts *d);

/* --- a new one -------------------------------------------------------------------------------- */

/*
 * Whether one more tombstone is within the bound, or needs no place. Asked for what can still be
 * refused: a change that has happened elsewhere is added past it, for it must not be forgotten.
 */
bool debts_have_room(struct debts *d, struct key key, enum debt_kind kind);

/*
 * Adds a tombstone. -ENOTSUP: distrusted from now on, but not remembered, for there is no state;
 * another error: the state could not remember it.
 */
int debts_add(struct debts *d, struct key key, enum debt_kind kind);

/* Adds a move whose row is in the state already. -ENOSPC: too many that are still to be done. */
int debts_add_move(struct debts *d, int64_t id, struct key from, struct key to, bool moved);

/* --- telling ---------------------------------------------------------------------------------- */

/* The layer has been told of this key, of this marker, or of all with the prefix, moves excepted.
 * Not what is being told now. An error: it is not forgotten then. */
int debts_forget(struct debts *d, struct key key, enum debt_kind kind);

/* The one that is to be told first; false: none. */
bool debts_first(struct debts *d, struct debt *debt);

/*
 * Takes it to be told, one at a time. -ENOENT: it has been forgotten meanwhile, and nothing is to
 * be told; -EAGAIN: a move has come that would bring older entries under its keys, and is first.
 * After 0, debts_end() ends it, and forgets it if the layer was told.
 */
int debts_begin(struct debts *d, const struct debt *debt);
int debts_end(struct debts *d, const struct debt *debt, bool told);

/* The same without taking it: any tombstone within the prefix. */
bool debts_any_within(struct debts *d, struct key prefix, struct debt *debt);

#endif
