#ifndef CACHEFS_WRITE_BACK_H
#define CACHEFS_WRITE_BACK_H

/*
 * The strategy write_back: a set goes into the journal and the fastest layer, and later into the
 * others. The journal is a layer of the stack (journal.h), so gets, stats and lists see what is not
 * drained; this is what is different for changes. For layered.c.
 *
 * Nothing is written later if no slower layer is durable: such a stack is written through. A
 * journal that an earlier configuration left is drained all the same.
 */

#include "stack/stack.h"

/* Puts the journal into the stack, if it has to have one; starts the drain. */
int write_back_open(struct layered *c, struct problem *problem);
int write_back_start(struct layered *c, struct problem *problem);

/* As layered_ending(). */
void write_back_ending(struct layered *c);

/* Drains for as long as the configuration says, and ends the drain. Before the layers close. */
void write_back_stop(struct layered *c);
void write_back_close(struct layered *c); /* after them */

/* Whether sets go to the journal. */
bool write_back_is_on(const struct layered *c);

/* The set of an admitted change. -EFBIG: larger than the journal, to be written through. */
int write_back_set(struct layered *c, struct key key, struct value *value, const struct meta *meta);

/* What of layered_foresee() the journal says. */
int write_back_foresee(struct layered *c, struct key key, uint64_t size);

/* As write_back_set(), for a directory's marker; also where the journal is only drained, and has an older one.
 */
int write_back_dir_set(struct layered *c, struct key dir, const struct meta *meta);

/* The state survives power loss, the journal in it if there is one. */
int write_back_sync_state(struct layered *c);

/*
 * Sets that were written through after all, and those of them that the layers have synced. What the
 * journal has survives power loss in the state; only what has passed it by, or all where sets do
 * not go to it, needs a sync of the layers.
 */
void write_back_passed(struct layered *c);
uint64_t write_back_passed_count(const struct layered *c);
bool write_back_needs_sync(const struct layered *c, uint64_t passed_count);
void write_back_note_synced(struct layered *c, uint64_t passed_count);

/* As layered_temp_file(), where the journal would adopt it; -ENOTSUP if it is not written to. */
int write_back_temp_file(struct layered *c);

/*
 * Rename of an admitted change, where the journal has one of the keys. -EALREADY: it has neither;
 * as in any stack then.
 *
 * Layers are told to remove `from`, then the journal moves its row, then the fastest layer moves
 * its copy. Killed in between, the journal still has the entry under `from`, whole. An entry that
 * only layers have goes into the journal first: were the layers to move it over what the journal
 * has for `to`, the drain would put that on top again.
 */
int write_back_rename(struct layered *c, struct key from, struct key to);

/*
 * Before a directory is moved to `to`, which shows nothing: what the journal has there is over, and
 * would hide, and later remove, what the layers move there. So the layers are told now.
 */
int write_back_clear(struct layered *c, struct key to);

/* Touches what the journal has, which the slower layers will get so. -ENOENT: it has no such entry;
 * another error: it may have one, and the touch has failed. */
int write_back_touch(struct layered *c, struct key key, const struct meta *meta, unsigned fields);

/* Whether the journal says that the key is over, whatever slower layers have. */
bool write_back_hides(struct layered *c, struct key key);

/* Whether what this layer has of the key is older than what the journal says of it: a value, or
 * that it is over. */
bool write_back_supersedes(struct layered *c, const struct layer *l, struct key key);

bool write_back_is_slower(const struct layered *c, const struct layer *l); /* than the journal */

/* All 0 without a journal. */
void write_back_stats(const struct layered *c, struct journal_stats *stats);

#endif
