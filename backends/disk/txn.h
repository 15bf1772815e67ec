#ifndef CACHEFS_DISK_TXN_H
#define CACHEFS_DISK_TXN_H

/*
 * One transaction of the connection for writing, and what takes effect outside of the database once
 * it is committed: amounts, files that go, keys that are reported, hits that are written down.
 *
 *	int rc = disk_txn_begin(&txn, d);
 *	if (rc == 0)
 *		rc = disk_txn_end(&txn, some_changes(&txn));
 *
 * For who owns the connection; one at a time. (SQLite may have rolled it back by itself: the next
 * statement then fails, or the commit does.)
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
	int64_t end_ms;              /* nothing more is begun then */
	int rows;                    /* removed and moved */
	unsigned changes;            /* jobs that are done */
	int64_t entries, file_bytes; /* changes */
	uint64_t evictions, expiries;
	struct disk_names unlinked; /* files whose row is gone */
	struct disk_names gone;     /* keys to report */
	struct disk_own logged;     /* first 0: nothing */
};

/* The database is open: follows what the transactions log. */
void disk_txn_configure(struct disk *d);

/* 0 or -errno, and it has not begun; -EAGAIN: another program holds the lock now. */
int disk_txn_begin(struct disk_txn *txn, struct disk *d);

/* Commits, or takes it back if rc < 0. rc, or the commit's: with an error nothing took effect. */
int disk_txn_end(struct disk_txn *txn, int rc);

/* Whether it has begun and has not ended: for asserts. */
bool disk_txn_is_open(const struct disk_txn *txn);

/* False: what can wait is for the next transaction. */
bool disk_txn_has_time(const struct disk_txn *txn);

/* Runs the change of a row that has just been found. If it is not there, a damaged index alone has
 * it, and whoever goes on to the next would find it again, for ever: -EUCLEAN. */
int disk_txn_change_found(struct disk_txn *txn, sqlite3_stmt *s);

/*
 * What an error says of the database: that it is damaged; or that a change was cut off, for a
 * trigger of another program may not end: the next ones fail at once for a while (any thread may
 * ask whether they do).
 */
void disk_txn_note_error(struct disk *d, int rc);
bool disk_txn_is_cut(const struct disk *d);

#endif
