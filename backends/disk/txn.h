#ifndef CACHEFS_DISK_TXN_H
#define CACHEFS_DISK_TXN_H

/*
 * One transaction of the connection for writing, and its effects outside of the database, which
 * follow the commit: amounts, removed files, reported keys, written hits.
 *
 *	int rc = disk_txn_begin(&txn, d);
 *	if (rc == 0)
 *		rc = disk_txn_end(&txn, some_changes(&txn));
 *
 * Only the owner of the connection has a transaction, and only one at a time. (SQLite may roll it
 * back by itself: then the next statement or the commit fails.)
 */

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/time_source.h"
#include "disk/names.h"
#include "disk/watch.h"
#include "kit/db.h"

struct disk;

struct disk_txn {
	struct disk *disk;
	struct db *db;
	struct instant now;
	int64_t end_ms;              /* no more work begins after that time */
	int rows;                    /* rows that were removed or moved */
	unsigned changes;            /* jobs that are done */
	int64_t entries, file_bytes; /* changes of these amounts */
	uint64_t evictions, expiries;
	struct disk_names unlinked; /* files to remove: their rows are deleted or replaced */
	struct disk_names gone;     /* keys to report */
	struct disk_own logged;     /* rows of the log of changes; first 0: none */
};

/* Call it after the database was opened: transactions then note what they log as changes. */
void disk_txn_configure(struct disk *d);

/* Begins a transaction. Returns 0, or -errno if it has not begun; -EAGAIN: another program holds
 * the lock now. */
int disk_txn_begin(struct disk_txn *txn, struct disk *d);

/* Commits if rc is 0, rolls back if rc < 0. Returns rc, or the error of the commit. After an error
 * nothing took effect. */
int disk_txn_end(struct disk_txn *txn, int rc);

/* True while the transaction is open: for asserts. */
bool disk_txn_is_open(const struct disk_txn *txn);

/* False: leave the rest of the work to the next transaction. */
bool disk_txn_has_time(const struct disk_txn *txn);

/* Runs the change of a row that was just found. -EUCLEAN: the row does not exist, only a damaged
 * index has it. A caller that went on to the next row would find it again, for ever. Otherwise 0 or
 * -errno. */
int disk_txn_change_found(struct disk_txn *txn, sqlite3_stmt *s);

/*
 * disk_txn_note_error() notes an error that means damage of the database, or a change that was cut
 * off. After such a cut (a trigger of another program may run for ever) the next changes fail at
 * once for a while. disk_txn_is_cut() is true during that time; any thread may call it.
 */
void disk_txn_note_error(struct disk *d, int rc);
bool disk_txn_is_cut(const struct disk *d);

#endif
