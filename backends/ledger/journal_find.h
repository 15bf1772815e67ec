#ifndef CACHEFS_JOURNAL_FIND_H
#define CACHEFS_JOURNAL_FIND_H

/* Reads a row of the journal by its key, checks it, and shows it as the stack sees it.
 * Thread-safe. */

#include "base/meta.h"
#include "base/value.h"
#include "ledger/journal.h"
#include "ledger/state.h"

/* The columns of journal_select(), in this order; other statements add their own behind them. */
enum journal_column { JOURNAL_SEQ, JOURNAL_SIZE, JOURNAL_FILE, JOURNAL_HEAD, JOURNAL_EXTRA };

/* Selects the key's row without its value; the caller steps and resets. NULL: as db_statement(). */
sqlite3_stmt *journal_select(struct db *db, struct key key);

/* The name of the value's file, valid until the next step; NULL: there is no file. */
const char *journal_file_of(sqlite3_stmt *row, int column);

/* Reads the metadata from the columns file and head, which are neighbours. 0, -EBADMSG or -ENOMEM;
 * the caller finishes *meta in any case, if it was made with = {0}. */
int journal_read_head(sqlite3_stmt *row, struct key key, int file_column, struct meta *meta);

/*
 * Reads the row's number, metadata, and value unless `value` is NULL; also of an expired row.
 * -ENOENT: no row; -EBADMSG: the row is damaged, *seq is set; -EBADF: its file is none of ours; or
 * -errno.
 */
int journal_find(struct journal *j, struct key key, int64_t *seq, struct value **value,
		 struct meta *meta);

/*
 * Reads a row as the stack sees it. -ENODATA: the row has expired or is damaged; a miss of slower
 * layers too. -EIO: the row cannot be read; this is no miss, because the entry of a slower layer
 * would be older.
 */
int journal_look_up(struct journal *j, struct key key, struct value **value, struct meta *meta);

#endif
