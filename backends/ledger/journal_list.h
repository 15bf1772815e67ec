#ifndef CACHEFS_JOURNAL_LIST_H
#define CACHEFS_JOURNAL_LIST_H

/* Lists directories in the journal: operations of backend_journal (cache.h), state is the struct
 * journal. */

#include "ledger/journal.h"

int journal_list(void *state, struct key dir, struct key after, bool after_is_dir,
		 struct children *batch);
int journal_dir_stat(void *state, struct key dir, struct meta *meta);

#endif
