#ifndef CACHEFS_JOURNAL_QUEUE_H
#define CACHEFS_JOURNAL_QUEUE_H

/*
 * The journal as a queue for the drain: its rows in the order of their numbers. Markers of
 * directories: journal_dirs.h. Thread-safe; one thread drains.
 */

#include "ledger/journal.h"

/* A row to be drained. */
struct journal_item {
	int64_t seq;
	uint64_t size;
	struct key_buffer key;
};

/* Gets the first row after number `after`. 1; 0: there is none; -errno: it cannot be read. */
int journal_next(struct journal *j, int64_t after, struct journal_item *item);

/*
 * Reads the item's value and metadata. -ESTALE: the row has changed since; -ENODATA: expired;
 * -EBADMSG: damaged; otherwise -errno.
 */
int journal_load(struct journal *j, const struct journal_item *item, struct value **value,
		 struct meta *meta);

/* Removes rows that the layers have now, by their numbers in rising order; rows that changed since
 * stay. */
int journal_done(struct journal *j, const int64_t *seqs, size_t count);

/* Moves a damaged row to a table of its own, for a person to look at. */
int journal_set_aside(struct journal *j, const struct journal_item *item);

/* journal_newest(): the number given out last. journal_owes(): true if a row or a marker up to
 * `seq` is at or below prefix, or if that cannot be told. */
int64_t journal_newest(struct journal *j);
bool journal_owes(struct journal *j, struct key prefix, int64_t seq);

void journal_count_failure(struct journal *j);

#endif
