#ifndef CACHEFS_LAYER_H
#define CACHEFS_LAYER_H

/*
 * A layer is one configured instance of a backend. Only the files that layer_gate.h lists call a
 * backend. They check the contract of cache.h before and after each call, count the calls, compute
 * when the layer's copy of an entry ends, and record the changes that the layer missed, so that
 * reads ignore the affected entries. Thread-safe; the caller may hold no lock.
 */

#include "ledger/debts.h"
#include "stack/layered.h"

struct layer;

/* The events of a layer. They are called as those of struct backend_env are. */
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
bool layer_forgets(const struct layer *layer); /* keeps no value that is set */

/*
 * True if the error rc only says that the layer is away, and is a miss for reads: any error of a
 * remote backend (also that of a server that refuses) except layer_is_short(), and -EHOSTDOWN of
 * any other.
 */
bool layer_is_away(const struct layer *layer, int rc);

/* True if rc says that this daemon is short of descriptors or memory. */
bool layer_is_short(int rc);

int layer_stat(struct layer *layer, struct key key, struct meta *meta);
int layer_get(struct layer *layer, struct key key, struct value **value, struct meta *meta);
/* As layer_get(), but counts nothing and leaves no trace in the layer. Shows what the layer
 * holds. */
int layer_peek(struct layer *layer, struct key key, struct value **value, struct meta *meta);
void layer_note_hit(struct layer *layer, struct key key);

/*
 * Compares a copy in a faster layer, whose metadata is *meta, with the entry in this layer. Asks
 * the backend at most once per revalidate_ms. 0: the layer holds the same entry, or was not asked,
 * or cannot tell. -ESTALE: the layer holds another entry. -ENOENT: another program has removed the
 * entry. -ENODATA: the entry is not there; it may never have been there, have been evicted, or have
 * ended by this layer's own options.
 */
int layer_revalidate(struct layer *layer, struct key key, const struct meta *meta);
bool layer_is_shared(const struct layer *layer); /* other programs may write its store */

/* True if a key that the layer does not list was seen there before. Another program may have
 * removed the key; layer_revalidate() finds out. Asks no backend. */
bool layer_may_have_lost(struct layer *layer, struct key key);

/* Learns what other programs changed, at most once per revalidate_ms. False: the layer may not know
 * of every change. */
bool layer_news(struct layer *layer);

/*
 * Computes the end of the layer's copy of an entry that is set now: the entry's own end or, without
 * one, the layer's default_ttl_s; never later than the layer's max_ttl_s, and never later than the
 * limit. A limit applies to this copy alone. No set or touch hands the limit on, because set and
 * touch ignore the meta->copy that they are given.
 */
struct end layer_copy_end(const struct layer *layer, struct end own, struct end limit);
int layer_set(struct layer *layer, struct key key, struct value *value, const struct meta *meta,
	      struct end limit);
/* As foresee() of struct backend. Also -ENOSPC if a set of at most this size found no space a
 * moment ago, the disk has no more space since, and nothing has left the layer. */
int layer_foresee(struct layer *layer, struct key key, uint64_t size);
int layer_touch(struct layer *layer, struct key key, const struct meta *meta, unsigned fields,
		struct end limit);
int layer_remove(struct layer *layer, struct key key);
int layer_remove_prefix(struct layer *layer, struct key prefix);
int layer_remove_unreachable(struct layer *layer);
int layer_rename(struct layer *layer, struct key from, struct key to);

/*
 * Applies the changes that the layer missed at and below both directories. The caller is admitted
 * for both. False: the layer still misses a change there, and must not catch up with a move of
 * them.
 */
bool layer_settle(struct layer *layer, struct key from, struct key to);

/*
 * Renames a directory: moves all entries below it, and the value of its own key. *begun is set once
 * the backend was asked: a failure may then leave the move half done. layer_check_move(): 0,
 * -ENAMETOOLONG, or another -errno if the layer cannot tell now.
 */
int layer_move(struct layer *layer, struct key from, struct key to, bool *begun);
int layer_check_move(struct layer *layer, struct key from, struct key to);
/* The names include those that reads must ignore: see believed.h. */
int layer_list(struct layer *layer, struct key dir, struct key after, bool after_is_dir,
	       struct children *batch);
int layer_dir_stat(struct layer *layer, struct key dir, struct meta *meta);
int layer_dir_set(struct layer *layer, struct key dir, const struct meta *meta);
int layer_sync(struct layer *layer);
int layer_temp_file(struct layer *layer); /* -ENOTSUP if the backend has none */
int layer_free_space(struct layer *layer, struct key key, uint64_t bytes); /* the same */
void layer_stats(struct layer *layer, struct layer_stats *stats);
void layer_count_promotion(struct layer *layer);
void layer_note_room(struct layer *layer); /* an entry was removed, so there may be room */

/*
 * Records that the layer missed a change, or that the outcome there is unknown: of this key, of all
 * keys with this prefix, or of a marker (kind). Until the layer has applied the change, it answers
 * -ENOENT for these keys, and shows no metadata of the marker. A set or remove of the key, or a
 * rename to it, applies the change too, and so does a set of the marker. A set below a prefix that
 * is still to be removed there fails with -EHOSTDOWN. 0: the record survives a restart, as far as
 * the layer's entries do. -ENOTSUP: there is no state, and only this run knows. Another -errno,
 * with a line in the log: the state could not store the record.
 */
int layer_distrust(struct layer *layer, struct key key, enum debt_kind kind);

/* As layer_distrust(), for a change that has not happened in any layer yet. -ENOSPC: the layer has
 * missed too many changes already. */
int layer_may_miss(struct layer *layer, struct key key, enum debt_kind kind);
bool layer_trusts(struct layer *layer, struct key key);
bool layer_trusts_dir(struct layer *layer, struct key dir);
/* True if reads must ignore a key below this directory. That the layer has keys there does then not
 * prove that the directory exists. */
bool layer_hides_below(struct layer *layer, struct key dir);
/* True if the directory exists, but reads must ignore the metadata of its marker. */
bool layer_doubts_marker(struct layer *layer, struct key dir);
/* Counts how often reads stopped ignoring entries of this layer. A caller that reads first and asks
 * layer_trusts() then compares the count: if it differs, the read may have returned an entry that
 * was to be ignored. */
uint64_t layer_trust_changes(const struct layer *layer);

/*
 * Records that the layer failed to move, and has to carry out the move of this number later
 * (debts.h). False: the layer is not durable, missed other changes there, or has too many moves to
 * do. The caller then calls layer_distrust() for both directories instead.
 */
bool layer_catches_up(struct layer *layer, int64_t id, struct key from, struct key to);
/* Records that the layer has moved, but that the row of the move is still in the state. */
void layer_moved(struct layer *layer, int64_t id, struct key from, struct key to);

/* Reads from the state the changes that the layer missed in earlier runs, and records new ones
 * there from now on. Call before the first operation. 0 or -errno. */
int layer_remember(struct layer *layer, struct state *state);

/*
 * layer_first_debt() finds the change that the layer has to apply first (debts.h); false: there is
 * none. layer_tell() applies the change, unless it has been applied meanwhile. -EAGAIN: the layer
 * has to carry out a move first, which would bring older entries under the tombstone's keys. The
 * caller makes sure that no change of a tombstone's key is under way, and that every change within
 * its prefix that began before has ended. One thread at a time.
 */
bool layer_first_debt(struct layer *layer, struct debt *debt);
int layer_tell(struct layer *layer, const struct debt *debt);

#endif
