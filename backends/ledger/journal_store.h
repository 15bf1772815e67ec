#ifndef CACHEFS_JOURNAL_STORE_H
#define CACHEFS_JOURNAL_STORE_H

/* struct journal, for the modules of the journal. From the bottom: journal_room, journal_effect,
 * journal_find, journal_dirs, journal_change and journal_list, journal_queue, journal. */

#include <stdatomic.h>

#include "ledger/journal.h"
#include "ledger/journal_room.h"
#include "ledger/state.h"

struct journal {
	struct state *state;
	struct journal_conf conf;
	const struct time_source *time;
	struct journal_room room;
	atomic_int_fast64_t seq; /* the last number given out */
	atomic_bool may_hide;    /* a row has an expiry, or is damaged */
	atomic_bool disk_full;   /* a full disk was logged */
	atomic_uint_fast64_t drained, failures, damaged;
};

/* Returns the number for a row or a marker that is written now: larger than all others. */
static inline int64_t journal_new_seq(struct journal *j)
{
	return atomic_fetch_add(&j->seq, 1) + 1;
}

#endif
