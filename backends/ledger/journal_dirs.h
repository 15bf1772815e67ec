#ifndef CACHEFS_JOURNAL_DIRS_H
#define CACHEFS_JOURNAL_DIRS_H

/* The markers of directories that are in the journal, and that the slower layers do not have yet.
 * Thread-safe, but for functions with a db, which is their caller's. */

#include "ledger/journal.h"
#include "ledger/journal_effect.h"

/* --- for the drain ---------------------------------------------------------------------------- */

/*
 * A marker to be drained, made with = {0}. journal_next_marker() gets the next one each time, in
 * the order of their keys (1; 0: no more; -errno: they cannot be read). journal_markers_done()
 * removes those that the layers have now; one that changed since stays. The numbers of markers and
 * those of the queue's items are one sequence.
 */
struct journal_marker {
	struct key_buffer key;
	int64_t seq;
	bool begun;
	struct meta meta;
	void *head; /* of the row, to recognize it */
	size_t size;
};
int journal_next_marker(struct journal *j, struct journal_marker *marker);
struct key journal_marker_dir(const struct journal_marker *marker);
void journal_marker_fini(struct journal_marker *marker); /* all but the key */
void journal_marker_take(struct journal_marker *to, struct journal_marker *from);
bool journal_has_markers(struct journal *j);
bool journal_has_marker(struct journal *j, const struct journal_marker *marker); /* unchanged */
int journal_markers_done(struct journal *j, const struct journal_marker *markers, size_t count);

/* --- for the journal -------------------------------------------------------------------------- */

/* Counts the markers, and goes on with their numbers. */
int journal_dirs_open(struct journal *j, struct db *db);

/* Reads the marker's metadata and number from the head in that column. 0, -EBADMSG or -ENOMEM. */
int journal_read_marker(sqlite3_stmt *row, int column, struct key key, struct meta *meta,
			int64_t *seq);

/* True if a marker at or below prefix has a number up to seq, or if that cannot be told. */
bool journal_owes_marker(struct db *db, struct key prefix, int64_t seq);

/* Moves the markers of `from` and all below it to `to`; or, if `to` is the root, deletes those that
 * begin with the prefix `from`. Call within a change of the state. 1: there were some, 0 or
 * -errno. */
int journal_dirs_change(struct journal *j, struct db *db, struct key from, struct key to,
			struct journal_effect *effect);

/* Operations of backend_journal. dir_stat() also looks for keys: journal_list.h. */
int journal_find_marker(struct journal *j, struct key dir, struct meta *meta);
int journal_dir_set(void *state, struct key dir, const struct meta *meta);
int journal_dir_remove(void *state, struct key dir);

#endif
