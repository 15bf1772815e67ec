#ifndef CACHEFS_STATE_SCHEMA_H
#define CACHEFS_STATE_SCHEMA_H

/* The tables of the state's database: makes, upgrades and examines them. Functions return a code of
 * SQLite. For state_file.c. */

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

/* A table, for a caller that copies all tables. */
struct state_table {
	const char *name;
	bool has_rowid;
};
const struct state_table *state_schema_table(size_t i); /* NULL past the end */

int state_schema_open(const char *path, sqlite3 **db);
int state_schema_create(const char *path, sqlite3 **db); /* a new, empty one */
int state_schema_upgrade(sqlite3 *db);                   /* from earlier versions of ours */

/* Reads every key once, so that a broken tree is found now and not by a get. SQLITE_OK,
 * SQLITE_CORRUPT, or what SQLite says. */
int state_schema_examine(sqlite3 *db);

/* Records that tombstones were lost (debts_state_is_lost()). */
int state_schema_mark_lost(sqlite3 *db);

#endif
