#ifndef CACHEFS_JOURNAL_EFFECT_H
#define CACHEFS_JOURNAL_EFFECT_H

/*
 * A change of the journal's tables, and the effect that it has once it is committed: the amounts
 * are counted, and files that no row names any more are unlinked. For one thread.
 */

#include "kit/value_files.h"
#include "ledger/journal.h"
#include "ledger/state.h"

/* The effect of a change. Made with = {0}. */
struct journal_effect {
	int64_t entries, directories, bytes; /* how many more, or fewer */
	char (*unlinked)[VALUE_FILE_NAME];
	size_t unlinked_count, unlinked_capacity;
};

/* Empties the effect. apply() begins with this, for it may be called again. */
void journal_effect_reset(struct journal_effect *effect);

/* Notes that a row does not name this file any more. 0 or -ENOMEM. */
int journal_effect_unlink(struct journal_effect *effect, const char *name);

/*
 * Runs apply() as state_add() (`adds`) or state_change() does. Once it is committed, the effect
 * that apply() has written takes place. The amounts can be read afterwards. 0 or -errno; -EIO: the
 * state cannot be written now.
 */
int journal_commit(struct journal *j, int (*apply)(void *self, struct db *db), void *self,
		   bool adds, struct journal_effect *effect);

#endif
