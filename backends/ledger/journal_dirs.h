#ifndef CACHEFS_JOURNAL_DIRS_H
#define CACHEFS_JOURNAL_DIRS_H

/* Markers of directories in the journal, as many as the slower layers have not got yet. Thread-safe
 * but for what has a db, which is its caller's. */

#include "ledger/journal.h"
#include "ledger/journal_effect.h"

/* --- for the drain ---------------------------------------------------------------------------- */

/*
 * Markers to be drained, in the order of their keys: made with = {0}, the next one each time (1; 0:
 * no more; -errno: they cannot be read). done() takes out those that the layers have now; one that
 * changed since stays. Their numbers are of one row with those of the queue's items.
 */
struct journal_marker {
	struct key_buffer key;
	int64_t seq;
	bool begun;
	struct meta meta;
	void *head; /* of the row, to know it again */
	size_t size;
};
int journal_next_marker(struct journal *j, struct journal_marker *marker);
struct key journal_marker_dir(const struct journal_marker *marker);
void journal_marker_fini(struct journal_marker *marker); /* but for the key */
void journal_marker_take(struct journal_marker *to, struct journal_marker *from);
bool journal_has_markers(struct journal *j);
bool journal_has_marker(struct journal *j, const struct journal_marker *marker); /* unchanged */
int journal_markers_done(struct journal *j, const struct journal_marker *markers, size_t count);

/* --- for the journal -------------------------------------------------------------------------- */

/* Counts what there is, and goes on with the numbers from there. */
int journal_dirs_open(struct journal *j, struct db *db);

/* The marker's metadata and number, from the head in that column. 0, -EBADMSG or -ENOMEM. */
int journal_read_marker(sqlite3_stmt *row, int column, struct key key, struct meta *meta,
			int64_t *seq);

/* Whether a marker at or below prefix has a number up to seq; also if that cannot be told. */
bool journal_owes_marker(struct db *db, struct key prefix, int64_t seq);

/* Moves the markers of `from` and all below it, or (`to` the root) deletes those that begin with
 * the prefix `from`; within a change of the state. 1: there were some, 0 or -errno. */
int journal_dirs_change(struct journal *j, struct db *db, struct key from, struct key to,
			struct journal_effect *effect);

/* Operations of backend_journal; dir_stat() has more to look for than the marker. */
int journal_find_marker(struct journal *j, struct key dir, struct meta *meta);
int journal_dir_set(void *state, struct key dir, const struct meta *meta);
int journal_dir_remove(void *state, struct key dir);

#endif
