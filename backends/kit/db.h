#ifndef CACHEFS_DB_H
#define CACHEFS_DB_H

/*
 * One connection to the database, with its prepared statements. A connection belongs to one thread
 * at a time. Functions return 0 or -errno; -EAGAIN says that another program holds the lock now:
 * callers wait with a deadline, never here; -EUCLEAN that the database is damaged.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/key.h"

enum disk_statement {
	/* reads */
	DISK_STAT,
	DISK_GET,
	DISK_LIST_TEXT,
	DISK_LIST_BLOB,
	DISK_LIST_DIRS_TEXT,
	DISK_LIST_DIRS_BLOB,
	DISK_BELOW,
	DISK_DIR_STAT,
	DISK_DIRS_BELOW,
	/* transactions */
	DISK_BEGIN,
	DISK_COMMIT,
	DISK_ROLLBACK,
	DISK_SYNC_MARK,
	DISK_SPARE_ADD,
	DISK_SPARE_FREE,
	/* one entry */
	DISK_FIND,
	DISK_UPSERT,
	DISK_TOUCH,
	DISK_ALL_KEYS,
	DISK_DELETE,
	DISK_MOVE,
	/* ranges */
	DISK_KEYS_BELOW,
	DISK_FILE_OF,
	DISK_NOTE_MOVE,
	DISK_FORGET_MOVE,
	DISK_NOTED_MOVE,
	/* directory markers */
	DISK_DIR_SET,
	DISK_DIR_DELETE,
	DISK_DIRS_KEYS_BELOW,
	DISK_LONGEST_BELOW,
	DISK_DIRS_LONGEST_BELOW,
	DISK_DIR_MOVE,
	/* recency, eviction, expiry */
	DISK_USE,
	DISK_REFRESHABLE,
	DISK_REFRESH,
	DISK_OLDEST,
	DISK_OLDEST_IDS,
	DISK_USED_BY,
	DISK_NEWEST,
	DISK_FORGET_USE,
	DISK_EXPIRED,
	DISK_FILE_KNOWN,
	/* changes */
	DISK_LOG_LAST,
	DISK_LOG_SINCE,
	/* amounts */
	DISK_PAGE_COUNT,
	DISK_FREE_COUNT,
	DISK_AUTO_VACUUM,
	DISK_DATA_VERSION,
	DISK_SCHEMA_VERSION,
	DISK_COUNT_ENTRIES,
	DISK_COUNT_FILES,
	DISK_STATEMENTS,
};

/*
 * What DISK_STAT, DISK_GET, DISK_FIND and DISK_LIST_* select, in this order; the column after these
 * is the payload for DISK_GET, the key for the lists.
 */
enum disk_column {
	DISK_COLUMN_ROWID,
	DISK_COLUMN_EXPIRES,
	DISK_COLUMN_WRITTEN, /* seconds since 1970, as other programs count a set's time */
	DISK_COLUMN_SIZE,   /* NULL: a foreign row */
	DISK_COLUMN_OCTETS, /* of the payload; computed for foreign rows only */
	DISK_COLUMN_CHECKSUM,
	DISK_COLUMN_VERSION,
	DISK_COLUMN_INO,
	DISK_COLUMN_MODE,
	DISK_COLUMN_UID,
	DISK_COLUMN_GID,
	DISK_COLUMN_CREATED,
	DISK_COLUMN_MTIME_S,
	DISK_COLUMN_MTIME_NS,
	DISK_COLUMN_CTIME_S,
	DISK_COLUMN_CTIME_NS,
	DISK_COLUMN_XATTRS,
	DISK_COLUMN_FILE, /* NULL: the payload is the value */
	DISK_COLUMN_HITS,
	DISK_COLUMN_USED,     /* recency: seconds since 1970, of the last hit or set */
	DISK_COLUMN_COPY_END, /* what we wrote as expires_at, as a number of end.h */
	DISK_COLUMN_OWN_END,
	DISK_COLUMN_AHEAD,
	DISK_COLUMN_BOOT,
	DISK_COLUMN_EXTRA,
};

/* How long a statement may run; one that changes a row takes a millisecond, unless a trigger of
 * another program does not end. */
enum { DB_CHANGE_MS = 5000, DB_READ_MS = 60000, DB_ENDING_MS = 1000 };

/* Outlives the connection; any thread. */
struct db_guard {
	atomic_int_fast64_t ending_ms; /* CLOCK_MONOTONIC: when the mount began to end; 0: not yet */
	atomic_uint_fast64_t life;     /* moves while statements run */
};

struct db {
	sqlite3 *handle; /* NULL: not open */
	sqlite3_stmt *statements[DISK_STATEMENTS];
	uint64_t generation;
	struct db *next;
	int failure; /* the -errno of an open that failed */
	struct db_guard *guard;
	int64_t begun_ms, deadline_ms; /* of the statement that runs; 0: none */
};

enum db_access { DB_READER, DB_WRITER };

/*
 * Opens, creating the file for a writer. On failure db stays closed and sqlite's code is returned.
 * The schema is another program's to write: what it runs, runs in our statements. So they have an
 * end: -ETIMEDOUT, with the transaction rolled back. What db_exec() runs has none but that of
 * the mount.
 */
int db_open(struct db *db, const char *path, enum db_access access, struct db_guard *guard);
void db_close(struct db *db); /* fine when closed */

/* The prepared statement, ready to be bound; NULL: see db_errno(). */
sqlite3_stmt *db_statement(struct db *db, enum disk_statement id);

/* sqlite3_step: 1 a row, 0 done, or -errno. */
int db_step(struct db *db, sqlite3_stmt *statement);

/* Steps a statement that yields no rows, and resets it; NULL is the error of its preparation. */
int db_run(struct db *db, sqlite3_stmt *statement);

/* The first column of the first row (0 if there is none). */
int db_number(struct db *db, enum disk_statement id, int64_t *number);

int db_exec(struct db *db, const char *sql);

/* The errno of the last failure on this connection; of any one of SQLite's. */
int db_errno(const struct db *db);
int db_errno_on(sqlite3 *handle);
int db_errno_of(int sqlite_code);

/* Whether it says what this process is short of, and nothing of the database: it is no miss. */
bool db_is_shortage(int rc);

#endif
