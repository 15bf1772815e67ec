/* See state_schema.h. */
#include "ledger/state_schema.h"

#include <stdint.h>
#include <sys/stat.h>

#include "ledger/state_space.h"

enum {
	APPLICATION_ID = 0x63667374, /* "cfst" */
	SCHEMA_VERSION = 2,
};

#define NEW_IN_2                                                                                     \
	/* debts_state.c: moves, renames of directories that have begun */                           \
	"CREATE TABLE intents(id INTEGER NOT NULL, layer TEXT NOT NULL, source BLOB NOT NULL,"       \
	" target BLOB NOT NULL, PRIMARY KEY(id, layer)) WITHOUT ROWID;" /* journal_dirs.c: markers \
									   that the slower layers  \
									   have not got yet */ \
	"CREATE TABLE directories(key BLOB PRIMARY KEY, head BLOB NOT NULL) WITHOUT ROWID;"

/* Tombstones were lost: those of a layer that has no name. */
#define MARK_LOST "INSERT OR IGNORE INTO tombstones(layer, kind, key) VALUES('', 1, x'')"

static const char schema[] =
	/* journal.c: values that slower layers have not got yet, in the order of seq */
	"CREATE TABLE journal(seq INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL,"
	" size INTEGER NOT NULL, expires_ms INTEGER NOT NULL, queued_ms INTEGER NOT NULL,"
	" file TEXT, head BLOB NOT NULL, value BLOB);"
	"CREATE UNIQUE INDEX journal_keys ON journal(key, expires_ms, size, queued_ms);"
	/* rows that failed their checksum, kept for a person to look at */
	"CREATE TABLE journal_damaged(seq INTEGER PRIMARY KEY, key BLOB, file TEXT, head BLOB,"
	" value BLOB);"
	/* debts_state.c: what a layer has not been told; an empty key of kind 1: all of it */
	"CREATE TABLE tombstones(layer TEXT NOT NULL, kind INTEGER NOT NULL, key BLOB NOT NULL,"
	" PRIMARY KEY(layer, kind, key)) WITHOUT ROWID;" NEW_IN_2
	"PRAGMA application_id = 1667658612;"
	"PRAGMA user_version = 2;";

/* Version 1 had no markers, and intents that were never used. */
static const char upgrade[] = "BEGIN IMMEDIATE; DROP TABLE intents;" NEW_IN_2
			      "PRAGMA user_version = 2; COMMIT";

static const struct state_table tables[] = {
	{ "journal", true },  { "journal_damaged", true }, { "tombstones", false },
	{ "intents", false }, { "directories", false },
};

const struct state_table *state_schema_table(size_t i)
{
	return i < sizeof(tables) / sizeof(tables[0]) ? &tables[i] : NULL;
}

static int number(sqlite3 *db, const char *sql, int64_t *value)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_CORRUPT : code;
}

/* The journal is read in the order of its rows and by key: both must show the same rows. */
static const char strays[] =
	"SELECT count(*) FROM journal AS row NOT INDEXED WHERE NOT EXISTS (SELECT 1 FROM journal AS"
	" found INDEXED BY journal_keys WHERE found.key = row.key AND found.expires_ms ="
	" row.expires_ms AND found.size = row.size AND found.queued_ms = row.queued_ms"
	" AND found.seq = row.seq)";

/* typeof() of the last column reads through the whole head of a record, by its column's name. */
static const char whole_rows[] =
	"SELECT count(*) FROM journal NOT INDEXED WHERE typeof(key) = 'blob'"
	" AND typeof(head) = 'blob' AND typeof(file) IN ('text', 'null')"
	" AND typeof(value) IN ('blob', 'null')";

int state_schema_examine(sqlite3 *db)
{
	enum { ID, VERSION, KEYS, ROWS, STRAYS, REST };
	static const char *const questions[] = {
		[ID] = "PRAGMA application_id",
		[VERSION] = "PRAGMA user_version",
		[KEYS] = "SELECT count(*) FROM journal INDEXED BY journal_keys",
		[ROWS] = whole_rows,
		[STRAYS] = strays,
		[REST] = "SELECT count(*) FROM tombstones",
		"SELECT count(*) FROM intents",
		"SELECT count(*) FROM directories",
	};
	enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };
	int64_t answers[QUESTIONS] = { 0 };
	int code = SQLITE_OK;

	for (int i = 0; i < QUESTIONS && code == SQLITE_OK; i++)
		code = number(db, questions[i], &answers[i]);
	if (code != SQLITE_OK)
		return code;
	return answers[ID] == APPLICATION_ID && answers[VERSION] == SCHEMA_VERSION &&
			       answers[KEYS] == answers[ROWS] && answers[STRAYS] == 0
		       ? SQLITE_OK
		       : SQLITE_CORRUPT;
}

int state_schema_upgrade(sqlite3 *db)
{
	int64_t id = 0, version = 0;

	if (number(db, "PRAGMA application_id", &id) != SQLITE_OK || id != APPLICATION_ID ||
	    number(db, "PRAGMA user_version", &version) != SQLITE_OK || version != 1)
		return SQLITE_OK; /* state_schema_examine() has the word */
	return sqlite3_exec(db, upgrade, NULL, NULL, NULL);
}

int state_schema_open(const char *path, sqlite3 **db)
{
	return state_space_open(path,
				SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
					SQLITE_OPEN_EXRESCODE,
				db);
}

int state_schema_create(const char *path, sqlite3 **db)
{
	int code = state_schema_open(path, db);

	if (code == SQLITE_OK)
		code = sqlite3_exec(*db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(*db, schema, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(*db, "COMMIT", NULL, NULL, NULL);
	chmod(path, 0600);
	return code;
}

int state_schema_mark_lost(sqlite3 *db)
{
	return sqlite3_exec(db, MARK_LOST, NULL, NULL, NULL);
}
