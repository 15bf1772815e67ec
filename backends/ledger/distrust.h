#ifndef CACHEFS_DISTRUST_H
#define CACHEFS_DISTRUST_H

/*
 * What one layer has missed: changes that never reached it, or whose answer never came. Until it
 * has been told (the key, or all that begin with the prefix, removed from it) its entries there are
 * not believed. Each such *tombstone* is remembered in the state, if there is one, before the
 * change is acknowledged, and so survives a restart. Past a bound nothing more is to be removed
 * from the layer later: such a removal fails. No tombstone is ever widened: others may share the
 * layer.
 *
 * Thread-safe. Changes of one key come one at a time (admission.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/key.h"
#include "ledger/state.h"

struct distrust;

/* DISTRUST_PREFIX: the key is a prefix (key.h), markers included. DISTRUST_MARKER: of a directory,
 * its metadata alone. */
enum distrust_kind { DISTRUST_KEY, DISTRUST_PREFIX, DISTRUST_MARKER };

/* Of keys, and as many markers. */
enum { DISTRUST_KEYS_MAX = 1000000, DISTRUST_PREFIXES_MAX = 100000 };

struct distrust *distrust_new(void); /* NULL: out of memory */
void distrust_free(struct distrust *d);

/* From now on it is remembered under the layer's name; takes over what was before. 0 or -errno. */
int distrust_remember(struct distrust *d, struct state *state, const char *layer);

/*
 * Whether tombstones were lost with a state that was damaged, so that any layer may have missed
 * anything; forgotten with distrust_note_found(), once layers are distrusted accordingly.
 */
bool distrust_were_lost(struct state *state);
void distrust_note_found(struct state *state);

/* Whether an entry of this key, any entry that begins with this prefix, any below this directory,
 * or its marker is not to be believed. Cheap while nothing is. */
bool distrust_covers(struct distrust *d, struct key key);
bool distrust_covers_prefix(struct distrust *d, struct key prefix);
bool distrust_covers_dir(struct distrust *d, struct key dir);
bool distrust_covers_marker(struct distrust *d, struct key dir);

/* Whether entries below this directory may be among them. */
bool distrust_hides_below(struct distrust *d, struct key dir);

/*
 * Whether one more tombstone is within the bound, or needs no place. Asked for what can still be
 * refused: a change that has happened elsewhere is added past it, for it must not be forgotten.
 */
bool distrust_has_room(struct distrust *d, struct key key, enum distrust_kind kind);

/*
 * Adds a tombstone. -ENOTSUP: distrusted from now on, but not remembered, for there is no state;
 * another error: the state could not remember it.
 */
int distrust_add(struct distrust *d, struct key key, enum distrust_kind kind);

/* The layer has been told of this key (DISTRUST_KEY), of this marker, or of all with the prefix.
 * Not what is being applied now. 0 or -errno: it is not forgotten then. */
int distrust_forget(struct distrust *d, struct key key, enum distrust_kind kind);

/*
 * One tombstone that is there, the prefixes' last; false: none. distrust_begin() takes it to be
 * applied, one at a time; false: it has been forgotten meanwhile, and nothing is to be applied.
 * distrust_applied() ends it, and forgets the tombstone if the layer was told.
 */
struct tombstone {
	struct key_buffer key;
	enum distrust_kind kind;
};
bool distrust_next(struct distrust *d, struct tombstone *tombstone);
bool distrust_begin(struct distrust *d, const struct tombstone *tombstone);
int distrust_applied(struct distrust *d, const struct tombstone *tombstone, bool told);

/* The same without taking it: any tombstone within the prefix. */
bool distrust_any_within(struct distrust *d, struct key prefix, struct tombstone *tombstone);

uint64_t distrust_count(struct distrust *d);

/* How often something has become believed again: counted before it is. */
uint64_t distrust_ends(const struct distrust *d);
bool distrust_is_whole(struct distrust *d); /* the whole layer */

#endif
