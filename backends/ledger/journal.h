#ifndef CACHEFS_JOURNAL_H
#define CACHEFS_JOURNAL_H

/*
 * The write-back journal: sets that were acknowledged, and that the slower layers do not have yet.
 * One row per key in the state's database, the value in the row or in a file beside the database;
 * and markers of directories. The drain removes both: journal_queue.h, journal_dirs.h. For reads
 * the journal is a layer of the stack, between the fastest one and those it is drained to:
 * backend_journal, whose conf is the struct journal. It differs from other layers:
 *
 * - stat and get answer -ENODATA for a key whose row has expired or is damaged: a miss, and slower
 *   layers must not be asked, because their entry is older.
 * - set answers -EFBIG for a value larger than the whole journal; when there is no room, set waits,
 *   then answers -ENOSPC. The journal never drops a row.
 * - every change of a row gives it a new number (seq), so a row that is removed by its number is
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
	int64_t wait_ms;    /* how long to wait for room */
};

/* Counts the rows that earlier runs left, and removes files that no row names. 0 or -errno. */
int journal_open(struct state *state, const struct journal_conf *conf,
		 const struct time_source *time, struct journal **journal);
void journal_close(struct journal *j);

/* From now on a set that finds no room fails at once, and so does one that waits for room. */
void journal_ending(struct journal *j);

bool journal_is_empty(struct journal *j);

/* True if slower layers may hold an entry whose row has expired or is damaged. Cheap. */
bool journal_may_hide(struct journal *j);

/* The sets that write_back has acknowledged, and that the slower layers do not have yet. */
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
