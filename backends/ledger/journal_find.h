#ifndef CACHEFS_JOURNAL_FIND_H
#define CACHEFS_JOURNAL_FIND_H

/* One row of the journal: read by its key, checked, and as the stack sees it. Thread-safe. */

#include "base/meta.h"
#include "base/value.h"
#include "ledger/journal.h"
#include "ledger/state.h"

/* What journal_select() selects, in this order; whoever reads rows of his own adds to it. */
enum journal_column { JOURNAL_SEQ, JOURNAL_SIZE, JOURNAL_FILE, JOURNAL_HEAD, JOURNAL_EXTRA };

/* The key's row without its value, to be stepped to and reset; NULL: as db_statement(). */
sqlite3_stmt *journal_select(struct db *db, struct key key);

/* The name of the value's file, until the next step; NULL: there is none. */
const char *journal_file_of(sqlite3_stmt *row, int column);

/* The metadata from the columns file and head, which are neighbours. 0, -EBADMSG or -ENOMEM; to be
 * finished by the caller in any case, if it was made with = {0}. */
int journal_read_head(sqlite3_stmt *row, struct key key, int file_column, struct meta *meta);

/*
 * The row's number, metadata, and value unless that is NULL; expired or not. -ENOENT: no row;
 * -EBADMSG: it is damaged, *seq is set; -EBADF: its file is none of ours; or -errno.
 */
int journal_find(struct journal *j, struct key key, int64_t *seq, struct value **value,
		 struct meta *meta);

/*
 * As the stack sees it: what is expired or damaged is there, and is nothing (-ENODATA). What cannot
 * be read is no miss (-EIO), and what a slower layer has of it would be older.
 */
int journal_look_up(struct journal *j, struct key key, struct value **value, struct meta *meta);

#endif
