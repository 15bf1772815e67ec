#ifndef CACHEFS_JOURNAL_H
#define CACHEFS_JOURNAL_H

/*
 * The write-back journal: sets that were acknowledged and that the slower layers have not got yet,
 * one row per key in the state's database, the value in it or in a file beside it; and markers of
 * directories. For reads it is
 * a layer of the stack, between the fastest one and those it owes (write_back.c): backend_journal,
 * whose conf is the struct journal. What differs from other layers:
 *
 * - stat and get answer -ENODATA for a key whose row has expired or is damaged: a miss, and slower
 *   layers must not be asked, for what they have is older.
 * - set answers -EFBIG for a value larger than the whole journal; when there is no room it waits,
 *   then answers -ENOSPC. It never drops a row.
 * - every change of a row gives it a new number (seq), so a row that is taken out by its number is
 *   the very one that was written to the layers.
 *
 * Thread-safe. Changes of one key come one at a time (admission.h).
 */

#include "cache.h"
#include "stack/layered.h"
#include "ledger/state.h"

struct journal;

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

/* A row to be drained. */
struct journal_item {
	int64_t seq;
	uint64_t size;
	struct key_buffer key;
};

/* The first row after number `after`: 1; 0: there is none; -errno: it cannot be read. */
int journal_next(struct journal *j, int64_t after, struct journal_item *item);

/*
 * The item's value and metadata. -ESTALE: the row is another one by now; -ENODATA: expired;
 * -EBADMSG: damaged; otherwise -errno.
 */
int journal_load(struct journal *j, const struct journal_item *item, struct value **value,
		 struct meta *meta);

/* Takes out rows that the layers have now; rows that changed since stay. */
int journal_done(struct journal *j, const int64_t *seqs, size_t count);

/* A damaged row goes to a table of its own, for a person to look at. */
int journal_set_aside(struct journal *j, const struct journal_item *item);

/*
 * Markers of directories to be drained, in the order of their keys: made with = {0}, the next one
 * each time (1; 0: no more; -errno: they cannot be read). done() takes out those that the layers
 * have now; one that changed since stays. Their numbers are of one row with those of the items.
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

/* The number given out last, and whether a row or a marker up to `seq` is at or below prefix (also
 * if that cannot be told). */
int64_t journal_newest(struct journal *j);
bool journal_owes(struct journal *j, struct key prefix, int64_t seq);

void journal_count_failure(struct journal *j);
void journal_stats(struct journal *j, struct journal_stats *stats);

#endif
