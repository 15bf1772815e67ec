#ifndef CACHEFS_JOURNAL_EFFECT_H
#define CACHEFS_JOURNAL_EFFECT_H

/*
 * A change of the journal's tables, and what follows from it once it is committed: its amounts are
 * counted, and the files that no row names any more are unlinked. One thread's.
 */

#include "kit/value_files.h"
#include "ledger/journal.h"
#include "ledger/state.h"

/* Made with = {0}. */
struct journal_effect {
	int64_t entries, directories, bytes; /* more of them, or fewer */
	char (*unlinked)[VALUE_FILE_NAME];
	size_t unlinked_count, unlinked_capacity;
};

/* Nothing follows: apply() begins so, for it may be called again. */
void journal_effect_reset(struct journal_effect *effect);

/* A row does not name this file any more. 0 or -ENOMEM. */
int journal_effect_unlink(struct journal_effect *effect, const char *name);

/*
 * Runs apply() as state_add() (`adds`) or state_change() does; when it is committed, what it has
 * written to the effect follows. The amounts can be read afterwards. 0 or -errno, -EIO for a state
 * that cannot be written now.
 */
int journal_commit(struct journal *j, int (*apply)(void *self, struct db *db), void *self,
		   bool adds, struct journal_effect *effect);

#endif
