#ifndef CACHEFS_DB_H
#define CACHEFS_DB_H

/*
 * One connection to an SQLite database, with its prepared statements. A connection belongs to one
 * thread at a time. Functions return 0 or -errno. -EAGAIN: another program holds the lock now; the
 * caller waits with a deadline, these functions never wait. -EUCLEAN: the database is damaged.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/time_source.h"

/* The longest time that a statement may run. A statement that changes a row needs a millisecond,
 * unless a trigger of another program never ends. */
enum { DB_CHANGE_MS = 5000, DB_READ_MS = 60000, DB_ENDING_MS = 1000 };

enum { DB_STATEMENTS_MAX = 64 }; /* prepared statements of a connection */

/* The limits of a connection's statements. Outlives the connection; any thread may use it. */
struct db_guard {
	const struct time_source *time; /* borrowed; its clock that never jumps: */
	atomic_int_fast64_t ending_ms;  /* when the mount began to end; 0: not yet */
	atomic_uint_fast64_t life;      /* grows while statements run */
};

struct db {
	sqlite3 *handle; /* NULL: not open */
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} statements[DB_STATEMENTS_MAX];
	int statement_count;
	atomic_bool steps;   /* a statement runs: no other thread may use the connection */
	bool met_damage;     /* a statement met damage since the owner set this to false */
	uint64_t generation; /* set by the owner */
	struct db *next;
	int failure;                   /* the -errno of a failed open */
	struct db_guard *guard;        /* NULL: statements have no end */
	int64_t begun_ms, deadline_ms; /* of the statement that runs; 0: none */
};

enum db_access { DB_READER, DB_WRITER };

/*
 * Opens the database; a writer creates a missing file. (A caller that opens the handle in another
 * way puts it into an empty struct db.) On failure db stays closed, and the function returns
 * SQLite's code. Other programs may write the schema, and its triggers run inside our statements.
 * So statements have a time limit: -ETIMEDOUT, and SQLite rolls the transaction back. A statement
 * of db_exec() has only the limit at the end of the mount.
 */
int db_open(struct db *db, const char *path, enum db_access access, struct db_guard *guard);
void db_close(struct db *db); /* does nothing if db is closed */

/* Returns the prepared statement, ready to be bound; NULL: see db_errno(). `sql` is a string
 * constant, which the connection recognizes by its address and prepares once. */
sqlite3_stmt *db_statement(struct db *db, const char *sql);

/* Calls sqlite3_step(): 1 for a row, 0 for the end, or -errno. The caller resets the statement
 * after the last row. NULL gives the error of the failed preparation. */
int db_step(struct db *db, sqlite3_stmt *statement);

/* Runs a statement that yields no rows, and resets it. NULL gives the error of the failed
 * preparation. */
int db_run(struct db *db, sqlite3_stmt *statement);

/* Reads the first column of the first row (0 if there is no row). */
int db_number(struct db *db, const char *sql, int64_t *number);

/* The number of rows that the last INSERT, UPDATE or DELETE changed. */
int db_changes(const struct db *db);

int db_exec(struct db *db, const char *sql);

/* The -errno of the last failure on this connection; of the last failure on a handle; of a code of
 * SQLite. */
int db_errno(const struct db *db);
int db_errno_on(sqlite3 *handle);
int db_errno_of(int sqlite_code);

/* True if the -errno says that this process lacks something (memory, descriptors). The error says
 * nothing about the database, so it is no miss. */
bool db_is_shortage(int rc);

#endif
