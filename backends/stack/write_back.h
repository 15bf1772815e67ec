#ifndef CACHEFS_WRITE_BACK_H
#define CACHEFS_WRITE_BACK_H

/*
 * The strategy write_back: a set goes into the journal and the fastest layer, and the drain writes
 * it to the others later. The journal is a layer of the stack (journal.h), so gets, stats and lists
 * see rows that are not drained. This file has what is different for changes. For layered*.c and
 * move.c.
 *
 * If no slower layer is durable, sets are written through. A journal that an earlier configuration
 * left is drained all the same, if a layer is durable.
 */

#include "stack/stack.h"

/* Puts the journal into the stack, if the stack needs one. write_back_start(): starts the drain. */
int write_back_open(struct layered *c, struct problem *problem);
int write_back_start(struct layered *c, struct problem *problem);

/* As layered_ending(). */
void write_back_ending(struct layered *c);

/* Drains for as long as the configuration says, and ends the drain. Call before the layers
 * close. */
void write_back_stop(struct layered *c);
void write_back_close(struct layered *c); /* call after them */

/* True if sets go to the journal. */
bool write_back_is_on(const struct layered *c);

/* Carries out the set of an admitted change. -EFBIG: the value is larger than the journal, and has
 * to be written through. */
int write_back_set(struct layered *c, struct key key, struct value *value, const struct meta *meta);

/* The part of layered_foresee() that the journal answers. */
int write_back_foresee(struct layered *c, struct key key, uint64_t size);

/* As write_back_set(), for a directory's marker. Also for a journal that is only drained, if it has
 * an older marker. -EFBIG: also if there is no such journal. */
int write_back_dir_set(struct layered *c, struct key dir, const struct meta *meta);

/* Makes the state survive power loss, with the journal in it if there is one. */
int write_back_sync_state(struct layered *c);

/*
 * Count sets that were written through after all, and those of them that the layers have synced.
 * The rows of the journal survive power loss in the state. Only sets that are not in the journal
 * need a sync of the layers; or all, if sets do not go to the journal.
 */
void write_back_passed(struct layered *c);
uint64_t write_back_passed_count(const struct layered *c);
bool write_back_needs_sync(const struct layered *c, uint64_t passed_count);
void write_back_note_synced(struct layered *c, uint64_t passed_count);

/* As layered_temp_file(), for a file that the journal would adopt; -ENOTSUP if sets do not go to
 * it. */
int write_back_temp_file(struct layered *c);

/*
 * Carries out the rename of an admitted change, if the journal has one of the keys. -EALREADY: it
 * has neither, and the layers rename as in any stack.
 *
 * The slower layers remove `from`, then the journal moves its row, then the faster layers move
 * their copies. After a crash in between, the journal still has the whole entry under `from`. An
 * entry that only layers have goes into the journal first: if the layers moved it over what the
 * journal has for `to`, the drain would later write the older row over it.
 */
int write_back_rename(struct layered *c, struct key from, struct key to);

/*
 * Call before a directory is moved to `to`, which shows nothing. The rows that the journal has
 * there have expired or are damaged. They would hide, and later remove, what the layers move there.
 * So the layers remove their entries there now, and the journal its rows.
 */
int write_back_clear(struct layered *c, struct key to);

/* Touches the entry in the journal; the slower layers get the metadata with the row. -ENOENT: the
 * journal has no such entry; another error: it may have one, and the touch has failed. */
int write_back_touch(struct layered *c, struct key key, const struct meta *meta, unsigned fields);

/* True if the journal's row of the key has expired or is damaged, whatever slower layers have. */
bool write_back_hides(struct layered *c, struct key key);

/* True if this layer's entry of the key is older than the journal's row: a value, or one that has
 * expired or is damaged. */
bool write_back_supersedes(struct layered *c, const struct layer *l, struct key key);

bool write_back_is_slower(const struct layered *c, const struct layer *l); /* than the journal */

/* All 0 without a journal. */
void write_back_stats(const struct layered *c, struct journal_stats *stats);

#endif
