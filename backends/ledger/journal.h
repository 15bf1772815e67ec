#ifndef CACHEFS_JOURNAL_H
#define CACHEFS_JOURNAL_H

/*
 * The write-back journal: sets that were acknowledged and that the slower layers have not got yet,
 * one row per key in the state's database, the value in it or in a file beside it; and markers of
 * directories. The drain takes them out: journal_queue.h, journal_dirs.h. For reads it is a layer
 * of the stack, between the fastest one and those it owes: backend_journal, whose conf is the
 * struct journal. What differs from other layers:
 *
 * - stat and get answer -ENODATA for a key whose row has expired or is damaged: a miss, and slower
 *   layers must not be asked, for what they have is older.
 * - set answers -EFBIG for a value larger than the whole journal; when there is no room it waits,
 *   then answers -ENOSPC. It never drops a row.
 * - every change of a row gives it a new number (seq), so a row that is taken out by its number is
 *   the very one that was written to the layers.
 *
 * Thread-safe. Changes of one key come one at a time, as all changes of a layer do.
 */

#include "cache.h"

struct journal;
struct state;

extern const struct backend backend_journal;

struct journal_conf {
	uint64_t max_bytes; /* of values, keys and an allowance for each row */
	int64_t wait_ms;    /* for room */
};

/* Counts what earlier runs left, and removes files that no row names. 0 or -errno. */
int journal_open(struct state *state, const struct journal_conf *conf,
		 const struct time_source *time, struct journal **journal);
void journal_close(struct journal *j);

/* From now on what finds no room fails at once, and so does what waits for it. */
void journal_ending(struct journal *j);

bool journal_is_empty(struct journal *j);

/* Whether slower layers may hold an entry that the journal says is over. Cheap. */
bool journal_may_hide(struct journal *j);

/* What write_back has acknowledged and not written to the slower layers yet. */
struct journal_stats {
	bool active;
	uint64_t entries; /* directories included */
	uint64_t bytes, max_bytes;
	int64_t oldest_ms; /* age of the oldest entry; 0: there is none but directories */
	uint64_t drained;  /* entries written since the start */
	uint64_t failures; /* attempts that failed */
	uint64_t damaged;  /* rows set aside */
};
void journal_stats(struct journal *j, struct journal_stats *stats);

#endif
