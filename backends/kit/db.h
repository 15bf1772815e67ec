#ifndef CACHEFS_DB_H
#define CACHEFS_DB_H

/*
 * One connection to an SQLite database, with its prepared statements. A connection belongs to one
 * thread at a time. Functions return 0 or -errno; -EAGAIN says that another program holds the lock
 * now: callers wait with a deadline, never here; -EUCLEAN that the database is damaged.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/time_source.h"

/* How long a statement may run; one that changes a row takes a millisecond, unless a trigger of
 * another program does not end. */
enum { DB_CHANGE_MS = 5000, DB_READ_MS = 60000, DB_ENDING_MS = 1000 };

enum { DB_STATEMENTS_MAX = 64 }; /* that a connection keeps prepared */

/* Outlives the connection; any thread. */
struct db_guard {
	const struct time_source *time; /* borrowed; its clock that never jumps: */
	atomic_int_fast64_t ending_ms;  /* when the mount began to end; 0: not yet */
	atomic_uint_fast64_t life;     /* moves while statements run */
};

struct db {
	sqlite3 *handle; /* NULL: not open */
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} statements[DB_STATEMENTS_MAX];
	int statement_count;
	atomic_bool steps;   /* a statement runs: nobody else is to use the connection */
	bool met_damage;     /* a statement did, since its owner said false */
	uint64_t generation; /* its owner's */
	struct db *next;
	int failure; /* the -errno of an open that failed */
	struct db_guard *guard;        /* NULL: statements have no end */
	int64_t begun_ms, deadline_ms; /* of the statement that runs; 0: none */
};

enum db_access { DB_READER, DB_WRITER };

/*
 * Opens, creating the file for a writer. (Who opens the handle otherwise puts it into an empty
 * struct db.) On failure db stays closed and sqlite's code is returned.
 * The schema is another program's to write: what it runs, runs in our statements. So they have an
 * end: -ETIMEDOUT, with the transaction rolled back. What db_exec() runs has none but that of
 * the mount.
 */
int db_open(struct db *db, const char *path, enum db_access access, struct db_guard *guard);
void db_close(struct db *db); /* fine when closed */

/*
 * The prepared statement, ready to be bound; NULL: see db_errno(). `sql` is a string constant, and
 * known again by its address: it is prepared once per connection.
 */
sqlite3_stmt *db_statement(struct db *db, const char *sql);

/* sqlite3_step: 1 a row, 0 done, or -errno. Reset the statement after its last row. NULL is fine,
 * and the error of its preparation. */
int db_step(struct db *db, sqlite3_stmt *statement);

/* Steps a statement that yields no rows, and resets it; NULL is the error of its preparation. */
int db_run(struct db *db, sqlite3_stmt *statement);

/* The first column of the first row (0 if there is none). */
int db_number(struct db *db, const char *sql, int64_t *number);

/* How many rows the last INSERT, UPDATE or DELETE changed. */
int db_changes(const struct db *db);

int db_exec(struct db *db, const char *sql);

/* The errno of the last failure on this connection; of any one of SQLite's. */
int db_errno(const struct db *db);
int db_errno_on(sqlite3 *handle);
int db_errno_of(int sqlite_code);

/* Whether it says what this process is short of, and nothing of the database: it is no miss. */
bool db_is_shortage(int rc);

#endif
