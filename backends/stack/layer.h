#ifndef CACHEFS_LAYER_H
#define CACHEFS_LAYER_H

/*
 * A layer: one configured backend. The gate: only layer.c calls a backend, and it checks the
 * contract of cache.h on both sides of the call, counts, says when the layer's copies end and
 * remembers what the layer is not to be believed about. Thread-safe; no lock may be held by the
 * caller.
 */

#include "ledger/debts.h"
#include "stack/layered.h"

struct layer;

/* Called as backend_env's. */
struct layer_events {
	void (*gone)(void *self, struct key key);
	void (*changed)(void *self, struct key key); /* may be NULL */
	void *self;
};

int layer_open(const struct layer_spec *spec, const struct time_source *time,
	       const struct layer_events *events, struct layer **layer, struct problem *problem);
void layer_ending(struct layer *layer); /* see struct backend */
void layer_close(struct layer *layer);

const char *layer_name(const struct layer *layer);
bool layer_is_durable(const struct layer *layer);
bool layer_forgets(const struct layer *layer); /* keeps nothing of what is set */

/*
 * Whether this answer says no more of an entry than that the layer is away: its slow miss, also
 * where a server refuses. What this daemon is short of, or cannot read on its own machine, is none.
 */
bool layer_is_away(const struct layer *layer, int rc);

/* Whether it says that this daemon is short of descriptors or memory. */
bool layer_is_short(int rc);

int layer_stat(struct layer *layer, struct key key, struct meta *meta);
int layer_get(struct layer *layer, struct key key, struct value **value, struct meta *meta);
/* As layer_get(), uncounted and without a trace in the layer: for showing what it holds. */
int layer_peek(struct layer *layer, struct key key, struct value **value, struct meta *meta);
void layer_note_hit(struct layer *layer, struct key key);

/*
 * Whether a copy with this meta, in a faster layer, is still what this layer holds, asked for at
 * most once per revalidate_ms: 0, also when it is not to be asked or cannot tell; -ESTALE: it holds
 * another; -ENOENT: another program has removed it; -ENODATA: it is not there, and may never have
 * been, or have been evicted, or have ended by this layer's own options.
 */
int layer_revalidate(struct layer *layer, struct key key, const struct meta *meta);
bool layer_is_shared(const struct layer *layer); /* other programs may write it */

/* Whether a key that the layer does not list was seen there before: then another program may have
 * removed it, which layer_revalidate() finds out. Asks nobody. */
bool layer_may_have_lost(struct layer *layer, struct key key);

/* Learns what other programs changed, at most once per revalidate_ms. False: maybe not all. */
bool layer_news(struct layer *layer);

/*
 * When the layer's copy of an entry ends that is set now: by the entry's own end, or, if it has
 * none, by the layer's default_ttl_s; never later than by its max_ttl_s, or than the limit. A limit
 * is the copy's alone: no set or touch hands it on (what a set or touch has in meta->copy is not
 * looked at).
 */
struct end layer_copy_end(const struct layer *layer, struct end own, struct end limit);
int layer_set(struct layer *layer, struct key key, struct value *value, const struct meta *meta,
	      struct end limit);
/* As foresee() of struct backend; and what was refused a moment ago for want of space, while its disk
 * has no more than then and nothing has left the layer. */
int layer_foresee(struct layer *layer, struct key key, uint64_t size);
int layer_touch(struct layer *layer, struct key key, const struct meta *meta, unsigned fields,
		struct end limit);
int layer_remove(struct layer *layer, struct key key);
int layer_remove_prefix(struct layer *layer, struct key prefix);
int layer_remove_unreachable(struct layer *layer);
int layer_rename(struct layer *layer, struct key from, struct key to);

/*
 * Tells the layer what it missed of both directories, whose changes the caller has to itself.
 * False: it has still missed something there, and is not to catch up with a move of them.
 */
bool layer_settle(struct layer *layer, struct key from, struct key to);

/*
 * A directory's rename: all below it, and the value of its own key. *begun: the backend was asked,
 * so that a failure may leave it half done. layer_check_move(): 0, -ENAMETOOLONG, or another -errno
 * if the layer cannot tell now.
 */
int layer_move(struct layer *layer, struct key from, struct key to, bool *begun);
int layer_check_move(struct layer *layer, struct key from, struct key to);
/* Names that are not believed included: see believed.h. */
int layer_list(struct layer *layer, struct key dir, struct key after, bool after_is_dir,
	       struct children *batch);
int layer_dir_stat(struct layer *layer, struct key dir, struct meta *meta);
int layer_dir_set(struct layer *layer, struct key dir, const struct meta *meta);
int layer_sync(struct layer *layer);
int layer_temp_file(struct layer *layer); /* -ENOTSUP if the backend has none */
int layer_free_space(struct layer *layer, struct key key, uint64_t bytes); /* the same */
void layer_stats(struct layer *layer, struct layer_stats *stats);
void layer_count_promotion(struct layer *layer);
void layer_note_room(struct layer *layer); /* something has left it, so there may be room */

/*
 * The layer missed a change of this key, of all with this prefix, or of a marker (kind),
 * or its outcome is unknown: it answers -ENOENT for them until it has been told; of the marker, no
 * metadata. A set, remove or rename of the key tells it, a set of the marker too; a set below a
 * prefix that is still to be removed there fails with -EHOSTDOWN. 0: it survives a restart, as far
 * as the layer's entries do. -ENOTSUP: nothing remembers it (no state); otherwise -errno, and a
 * line in the log: the state could not.
 */
int layer_distrust(struct layer *layer, struct key key, enum debt_kind kind);

/* The same for a change that has not happened anywhere yet. -ENOSPC: it missed too many already. */
int layer_may_miss(struct layer *layer, struct key key, enum debt_kind kind);
bool layer_trusts(struct layer *layer, struct key key);
bool layer_trusts_dir(struct layer *layer, struct key dir);
/* Whether a key below this directory may not be believed: then that any is there makes it none. */
bool layer_hides_below(struct layer *layer, struct key dir);
/* Whether its marker is there, and nothing that it says is believed. */
bool layer_doubts_marker(struct layer *layer, struct key dir);
/* How often it has become believed again about something: who read first and asked then, and finds
 * another number, may have got what was not to be believed. */
uint64_t layer_trust_changes(const struct layer *layer);

/*
 * The layer failed to move: it is to catch up, as the move of this number says (debts.h). false: it
 * missed other changes there or too many moves; distrust it for both directories instead.
 */
bool layer_catches_up(struct layer *layer, int64_t id, struct key from, struct key to);
/* It has moved, but the row of the move could not be taken out of the state. */
void layer_moved(struct layer *layer, int64_t id, struct key from, struct key to);

/* What it missed is remembered in the state from now on, and what it missed in earlier runs known.
 * Before the first operation. */
int layer_remember(struct layer *layer, struct state *state);

/*
 * What it has to be told (debts.h): layer_first_debt() finds what comes first, if there is any.
 * layer_tell() tells the layer, unless something has told it meanwhile; -EAGAIN: it has to catch up
 * with a move first, which would bring older entries under the tombstone's keys. The caller sees to
 * it that no change of a tombstone's key is under way meanwhile, and that every change within its
 * prefix that had begun before has ended. One thread at a time.
 */
bool layer_first_debt(struct layer *layer, struct debt *debt);
int layer_tell(struct layer *layer, const struct debt *debt);

#endif
