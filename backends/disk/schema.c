/* Creates, recognises and upgrades the tables. See disk/schema.h. */
#include "disk/schema.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define SCHEMA_VERSION "5"
#define APPLICATION_ID "1667327603" /* "cafs" */

static const struct {
	const char *name;
	const char *type;
} columns[] = {
	{ "cachefs_stamp", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_size", "INTEGER" },
	{ "cachefs_checksum", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_version", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_ino", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_mode", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_uid", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_gid", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_created_ms", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_mtime_s", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_mtime_ns", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_ctime_s", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_ctime_ns", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_xattrs", "BLOB" },
	{ "cachefs_hits", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_file", "TEXT" },
	{ "cachefs_copy_end", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_own_end", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_ahead", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_boot", "INTEGER NOT NULL DEFAULT 0" },
	{ "cachefs_written", "REAL" },
};

static const char create_tables[] =
	"CREATE TABLE IF NOT EXISTS cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL,"
	" expires_at REAL, updated_at REAL NOT NULL);"
	"CREATE INDEX IF NOT EXISTS idx_cache_expires ON cache(expires_at);"
	"CREATE TABLE IF NOT EXISTS cachefs_use(id INTEGER PRIMARY KEY, used REAL NOT NULL,"
	" hits INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE IF NOT EXISTS cachefs_dirs(dir TEXT PRIMARY KEY, mode INTEGER, uid INTEGER,"
	" gid INTEGER, ino INTEGER, created_ms INTEGER, mtime_s INTEGER, mtime_ns INTEGER,"
	" ctime_s INTEGER, ctime_ns INTEGER, xattrs BLOB) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS cachefs_settings(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS cachefs_log(seq INTEGER PRIMARY KEY, cache_key);"
	/* Whose the row was that INSERT OR REPLACE is about to delete. */
	"CREATE TABLE IF NOT EXISTS cachefs_owner(cache_key PRIMARY KEY, mode INTEGER, uid INTEGER,"
	" gid INTEGER) WITHOUT ROWID;";

/* Not INSERT OR REPLACE: within a trigger the outer statement's way with conflicts holds. */
#define RENEW_USE                                                                                  \
	" DELETE FROM cachefs_use WHERE id = new.rowid;"                                           \
	" INSERT INTO cachefs_use(id, used, hits) VALUES(new.rowid, new.updated_at, 0);"

#define LOG_KEY(row)                                                                               \
	" INSERT INTO cachefs_log(cache_key) VALUES(CASE WHEN length(CAST(" row ".cache_key"       \
	" AS BLOB)) <= 255 THEN " row ".cache_key END);"

/* Of a row's columns those that are changed by a set or a change of metadata, and not by a get. */
#define CHANGES                                                                                    \
	"cache_key, payload, expires_at, cachefs_stamp, cachefs_size, cachefs_checksum,"           \
	" cachefs_version, cachefs_ino, cachefs_mode, cachefs_uid, cachefs_gid,"                   \
	" cachefs_created_ms, cachefs_mtime_s, cachefs_mtime_ns, cachefs_ctime_s,"                 \
	" cachefs_ctime_ns, cachefs_xattrs, cachefs_hits, cachefs_file, cachefs_copy_end,"         \
	" cachefs_own_end, cachefs_ahead, cachefs_boot"

static const char create_triggers[] =
	"CREATE INDEX IF NOT EXISTS cachefs_files ON cache(cache_key, cachefs_file, cachefs_size)"
	" WHERE cachefs_file IS NOT NULL;"
	"CREATE INDEX IF NOT EXISTS cachefs_file_names ON cache(cachefs_file)"
	" WHERE cachefs_file IS NOT NULL;"
	"DROP TRIGGER IF EXISTS cachefs_insert;"
	"CREATE TRIGGER cachefs_insert AFTER INSERT ON cache BEGIN" RENEW_USE " END;"
	/* INSERT OR REPLACE deletes a row without firing the DELETE trigger. */
	"DROP TRIGGER IF EXISTS cachefs_replace;"
	"CREATE TRIGGER cachefs_replace BEFORE INSERT ON cache WHEN new.cachefs_stamp = 0 BEGIN"
	" DELETE FROM cachefs_use WHERE id ="
	" (SELECT rowid FROM cache WHERE cache_key = new.cache_key);"
	" DELETE FROM cachefs_owner;"
	" INSERT INTO cachefs_owner SELECT cache_key, cachefs_mode, cachefs_uid, cachefs_gid"
	" FROM cache WHERE cache_key = new.cache_key AND cachefs_mode <> 0; END;"
	"DROP TRIGGER IF EXISTS cachefs_keep;"
	"CREATE TRIGGER cachefs_keep AFTER INSERT ON cache WHEN new.cachefs_stamp = 0"
	" AND EXISTS(SELECT 1 FROM cachefs_owner WHERE cache_key = new.cache_key) BEGIN"
	" UPDATE cache SET (cachefs_mode, cachefs_uid, cachefs_gid) ="
	" (SELECT mode, uid, gid FROM cachefs_owner WHERE cache_key = new.cache_key)"
	" WHERE rowid = new.rowid;"
	" DELETE FROM cachefs_owner; END;"
	"DROP TRIGGER IF EXISTS cachefs_delete;"
	"CREATE TRIGGER cachefs_delete AFTER DELETE ON cache BEGIN"
	" DELETE FROM cachefs_use WHERE id = old.rowid; END;"
	"DROP TRIGGER IF EXISTS cachefs_update;"
	"CREATE TRIGGER cachefs_update AFTER UPDATE OF payload ON cache BEGIN" RENEW_USE
	" UPDATE cache SET cachefs_written = NULL"
	" WHERE rowid = new.rowid AND cachefs_written IS NOT NULL; END;"
	/* Another program's get, or ours, which has kept the row's own time. */
	"DROP TRIGGER IF EXISTS cachefs_refresh;"
	"CREATE TRIGGER cachefs_refresh AFTER UPDATE OF updated_at ON cache"
	" WHEN new.payload IS old.payload BEGIN"
	" UPDATE cachefs_use SET used = max(used, new.updated_at) WHERE id = new.rowid;"
	" UPDATE cache SET cachefs_written = old.updated_at WHERE rowid = new.rowid"
	" AND cachefs_size IS NULL AND cachefs_written IS NULL; END;"
	"DROP TRIGGER IF EXISTS cachefs_foreign;"
	"CREATE TRIGGER cachefs_foreign AFTER UPDATE OF payload ON cache"
	" WHEN new.cachefs_stamp = old.cachefs_stamp AND new.cachefs_checksum = "
	"old.cachefs_checksum"
	" AND (new.cachefs_file IS NOT NULL OR new.payload IS NOT old.payload) BEGIN"
	" UPDATE cache SET cachefs_stamp = 0, cachefs_size = NULL, cachefs_checksum = 0,"
	" cachefs_version = 0, cachefs_ino = 0,"
	" cachefs_created_ms = 0, cachefs_mtime_s = 0, cachefs_mtime_ns = 0, cachefs_ctime_s = 0,"
	" cachefs_ctime_ns = 0, cachefs_xattrs = NULL, cachefs_hits = 0, cachefs_file = NULL,"
	" cachefs_copy_end = CASE WHEN new.expires_at IS NULL THEN 0 ELSE cachefs_copy_end END,"
	" cachefs_own_end = CASE WHEN new.expires_at IS NULL THEN 0 ELSE cachefs_own_end END"
	" WHERE rowid = new.rowid; END;"
	/*
	 * The log of changes. Putting our columns back is a part of the foreign change that caused
	 * it. Keys that are so long stand as NULL, any key: the log must not fill a small cache.
	 */
	"DROP TRIGGER IF EXISTS cachefs_log_insert;"
	"CREATE TRIGGER cachefs_log_insert AFTER INSERT ON cache BEGIN" LOG_KEY(
		"new") " END;"
		       "DROP TRIGGER IF EXISTS cachefs_log_delete;"
		       "CREATE TRIGGER cachefs_log_delete AFTER DELETE ON cache BEGIN" LOG_KEY(
			       "old") " END;"
				      "DROP TRIGGER IF EXISTS cachefs_log_update;"
				      "CREATE TRIGGER cachefs_log_update AFTER UPDATE OF " CHANGES
				      " ON cache"
				      " WHEN new.cachefs_stamp <> 0 OR old.cachefs_stamp = 0 "
				      "BEGIN" LOG_KEY(
					      "new") " END;"
						     "DROP TRIGGER IF EXISTS cachefs_log_move;"
						     "CREATE TRIGGER cachefs_log_move AFTER UPDATE "
						     "OF cache_key ON cache"
						     " WHEN new.cache_key IS NOT old.cache_key "
						     "BEGIN" LOG_KEY(
							     "old") " END;"
								    "DROP TRIGGER IF EXISTS "
								    "cachefs_log_trim;"
								    "CREATE TRIGGER "
								    "cachefs_log_trim AFTER INSERT "
								    "ON cachefs_log WHEN new.seq % "
								    "128 = 0 BEGIN"
								    " DELETE FROM cachefs_log "
								    "WHERE seq <= new.seq - 1024; "
								    "END;";

static const char set_version[] = "INSERT OR REPLACE INTO cachefs_settings(name, value)"
				  " VALUES('schema', " SCHEMA_VERSION ");";

static const char create_use_order[] =
	"CREATE INDEX IF NOT EXISTS cachefs_use_order ON cachefs_use(used, id);";

enum {
	COLUMNS = sizeof(columns) / sizeof(columns[0]),
	OBJECTS = 20, /* what objects_present counts */
	STEP_ROWS = 1024,
	STEP_REST_MS = 1, /* in which other programs may take the lock */
	STEP_TRIES = 10,  /* each waits as long as the connection does */
};

/* One number from an ad-hoc query. */
static int query_number(struct db *db, const char *text, int64_t *number)
{
	sqlite3_stmt *statement = NULL;

	*number = 0;
	if (sqlite3_prepare_v2(db->handle, text, -1, &statement, NULL) != SQLITE_OK)
		return db_errno(db);
	int rc = db_step(db, statement);
	if (rc > 0)
		*number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return rc < 0 ? rc : 0;
}

static int explain(struct db *db, int rc, struct disk_reason *reason)
{
	if (rc == -EAGAIN)
		snprintf(reason->text, sizeof(reason->text), "locked by another program");
	else
		snprintf(reason->text, sizeof(reason->text), "%s", sqlite3_errmsg(db->handle));
	return rc;
}

static int refuse(struct disk_reason *reason, const char *text)
{
	snprintf(reason->text, sizeof(reason->text), "%s", text);
	return -EHOSTDOWN;
}

static void query_text(struct db *db, const char *text, char *buffer, size_t size)
{
	sqlite3_stmt *statement = NULL;

	buffer[0] = '\0';
	if (sqlite3_prepare_v2(db->handle, text, -1, &statement, NULL) != SQLITE_OK)
		return;
	const char *found = db_step(db, statement) > 0
				    ? (const char *)sqlite3_column_text(statement, 0)
				    : NULL;
	if (found)
		snprintf(buffer, size, "%s", found);
	sqlite3_finalize(statement);
}

void disk_schema_other_trigger(struct db *db, char *name, size_t size)
{
	query_text(db,
		   "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
		   " AND substr(name, 1, 8) <> 'cachefs_' LIMIT 1",
		   name, size);
}

#define IS_OURS "(name = 'cache' OR substr(name, 1, 8) = 'cachefs_')"

/* Tables, none of which is the package's or ours, or another application's mark alone. */
static int check_owner(struct db *db, struct disk_reason *reason)
{
	int64_t others = 0, ours = 0, marked = 0;
	char table[64];

	int rc = query_number(db,
			      "SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view')"
			      " AND substr(name, 1, 7) <> 'sqlite_' AND NOT " IS_OURS,
			      &others);
	if (rc == 0)
		rc = query_number(db, "SELECT count(*) FROM sqlite_schema WHERE " IS_OURS, &ours);
	if (rc == 0)
		rc = query_number(db,
				  "SELECT application_id NOT IN (0, " APPLICATION_ID
				  ") FROM pragma_application_id",
				  &marked);
	if (rc < 0)
		return explain(db, rc, reason);
	if (ours > 0 || (others == 0 && !marked))
		return 0;
	query_text(db, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') LIMIT 1",
		   table, sizeof(table));
	snprintf(reason->text, sizeof(reason->text),
		 "it is the database of another application%s%s%s",
		 table[0] ? ", with a table \"" : "", table, table[0] ? "\"" : "");
	return -EHOSTDOWN;
}

/* What runs another program's code at each look, or orders keys otherwise than by their bytes. */
static int check_kinds(struct db *db, struct disk_reason *reason)
{
	const char *collation = NULL;
	int64_t odd = 0, tables = 0;

	int rc = query_number(db,
			      "SELECT count(*) FROM sqlite_schema WHERE " IS_OURS
			      " AND type IN ('table', 'view')"
			      " AND (type = 'view' OR sql LIKE 'CREATE VIRTUAL%')",
			      &odd);
	if (rc == 0)
		rc = query_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'cache'",
				  &tables);
	if (rc < 0)
		return explain(db, rc, reason);
	if (odd > 0)
		return refuse(reason,
			      "a view or a virtual table has the name of one of its tables");
	if (tables > 0 &&
	    sqlite3_table_column_metadata(db->handle, "main", "cache", "cache_key", NULL,
					  &collation, NULL, NULL, NULL) == SQLITE_OK &&
	    collation && strcmp(collation, "BINARY") != 0)
		return refuse(reason, "its table \"cache\" takes different keys for one");
	return 0;
}

/* UTF-8 and, if there is a table `cache`, one of the shape that we know. */
static int check_foreign_shape(struct db *db, struct disk_reason *reason)
{
	int64_t utf8 = 0, tables = 0, known = 0;

	int rc = query_number(db, "SELECT encoding = 'UTF-8' FROM pragma_encoding", &utf8);
	if (rc == 0)
		rc = query_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'cache'",
				  &tables);
	if (rc == 0)
		rc = query_number(db,
				  "SELECT count(*) FROM pragma_table_info('cache') WHERE name IN"
				  " ('cache_key', 'payload', 'expires_at', 'updated_at')",
				  &known);
	if (rc < 0)
		return explain(db, rc, reason);
	if (!utf8)
		return refuse(reason, "the database is UTF-16; only UTF-8 is supported");
	if (tables > 0 && known != 4)
		return refuse(reason, "its table \"cache\" belongs to something else");
	rc = check_owner(db, reason);
	return rc < 0 ? rc : check_kinds(db, reason);
}

/* For file(1) and other applications, unless it has one. */
static int mark(struct db *db)
{
	int64_t marked = 0;
	int rc = query_number(db, "SELECT application_id <> 0 FROM pragma_application_id", &marked);

	return rc < 0 || marked ? rc : db_exec(db, "PRAGMA application_id = " APPLICATION_ID);
}

static int is_current(struct db *db, enum disk_limits limits, bool *current)
{
	int64_t objects = 0, own_columns = 0, version = 0, order = 0;

	*current = false;
	int rc = query_number(db,
			      "SELECT count(*) FROM sqlite_schema WHERE name IN ('cache',"
			      " 'cachefs_use', 'cachefs_dirs', 'cachefs_settings',"
			      " 'cachefs_files', 'cachefs_file_names', 'cachefs_insert',"
			      " 'cachefs_replace', 'cachefs_delete', 'cachefs_update',"
			      " 'cachefs_foreign', 'cachefs_log', 'cachefs_log_insert',"
			      " 'cachefs_log_delete', 'cachefs_log_update',"
			      " 'cachefs_log_move', 'cachefs_log_trim', 'cachefs_owner',"
			      " 'cachefs_keep', 'cachefs_refresh')",
			      &objects);
	if (rc < 0 || objects < OBJECTS)
		return rc;
	rc = query_number(db,
			  "SELECT count(*) FROM pragma_table_info('cache')"
			  " WHERE substr(name, 1, 8) = 'cachefs_'",
			  &own_columns);
	if (rc == 0)
		rc = query_number(db, "SELECT value FROM cachefs_settings WHERE name = 'schema'",
				  &version);
	if (rc == 0)
		rc = query_number(
			db, "SELECT count(*) FROM sqlite_schema WHERE name = 'cachefs_use_order'",
			&order);
	*current = rc == 0 && own_columns >= COLUMNS && version >= SCHEMA_VERSION[0] - '0' &&
		   (limits == DISK_UNLIMITED || order > 0);
	return rc;
}

static int add_columns(struct db *db)
{
	char text[160];

	for (size_t i = 0; i < COLUMNS; i++) {
		int64_t present = 0;
		snprintf(text, sizeof(text),
			 "SELECT count(*) FROM pragma_table_info('cache') WHERE name = '%s'",
			 columns[i].name);
		int rc = query_number(db, text, &present);
		if (rc < 0)
			return rc;
		snprintf(text, sizeof(text), "ALTER TABLE cache ADD COLUMN %s %s", columns[i].name,
			 columns[i].type);
		if (!present && (rc = db_exec(db, text)) < 0)
			return rc;
	}
	return 0;
}

static int install(struct db *db, enum disk_limits limits)
{
	int rc = db_exec(db, "BEGIN IMMEDIATE");

	if (rc < 0)
		return rc;
	rc = db_exec(db, create_tables);
	if (rc == 0)
		rc = add_columns(db);
	if (rc == 0)
		rc = db_exec(db, create_triggers);
	if (rc == 0 && limits == DISK_EVICTS)
		rc = db_exec(db, create_use_order);
	if (rc == 0)
		rc = mark(db);
	if (rc == 0)
		rc = db_exec(db, "COMMIT");
	return rc;
}

/* A database that is made now can be made shorter later. (In one that is there this would be a
 * change.) */
static int prepare_new(struct db *db, struct disk_reason *reason)
{
	int64_t pages = 0;
	int rc = query_number(db, "PRAGMA page_count", &pages);

	if (rc == 0 && pages == 0)
		rc = db_exec(db, "PRAGMA auto_vacuum = INCREMENTAL");
	return rc < 0 ? explain(db, rc, reason) : 0;
}

/* Rows from `first` on; *next: the one after them. 1: there were some. */
static int note_use_step(struct db *db, int64_t first, int64_t *next)
{
	char text[256];
	int64_t last = 0, count = 0;

	snprintf(text, sizeof(text),
		 "SELECT count(*) FROM (SELECT 1 FROM cache WHERE rowid >= %lld LIMIT 1)",
		 (long long)first);
	int rc = query_number(db, text, &count);
	if (rc < 0 || count == 0)
		return rc;
	snprintf(text, sizeof(text),
		 "SELECT max(rowid) FROM (SELECT rowid FROM cache WHERE rowid >= %lld"
		 " ORDER BY rowid LIMIT %d)",
		 (long long)first, STEP_ROWS);
	rc = query_number(db, text, &last);
	snprintf(text, sizeof(text),
		 "INSERT OR IGNORE INTO cachefs_use(id, used, hits) SELECT rowid, updated_at, 0"
		 " FROM cache WHERE rowid BETWEEN %lld AND %lld",
		 (long long)first, (long long)last);
	for (int i = 0; rc == 0 && i < STEP_TRIES; i++) {
		rc = db_exec(db, text);
		if (rc != -EAGAIN)
			break;
		rc = i + 1 < STEP_TRIES ? 0 : rc;
	}
	*next = last < INT64_MAX ? last + 1 : last;
	return rc < 0 ? rc : last < INT64_MAX;
}

/* Of rows that were there before the triggers, in short transactions. The version is written after
 * all of them: what is interrupted begins again. */
static int note_use(struct db *db)
{
	int64_t next = INT64_MIN + 1;
	int rc;

	while ((rc = note_use_step(db, next, &next)) > 0)
		poll(NULL, 0, STEP_REST_MS);
	return rc < 0 ? rc : db_exec(db, set_version);
}

/* Readers do not wait for writers only in WAL mode. */
static int enter_wal(struct db *db, struct disk_reason *reason)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode = WAL", -1, &statement, NULL) !=
	    SQLITE_OK)
		return explain(db, db_errno(db), reason);
	int rc = db_step(db, statement);
	const char *mode = rc > 0 ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (mode && strcmp(mode, "wal") != 0)
		log_warning(
			"disk: %s: journal mode \"%s\" instead of WAL: slower, gets wait for sets",
			sqlite3_db_filename(db->handle, "main"), mode);
	sqlite3_finalize(statement);
	if (rc < 0)
		return explain(db, rc, reason);
	/* Debian's SQLite overwrites what is deleted: as much to write as the value was. */
	rc = db_exec(db, "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = FAST");
	return rc < 0 ? explain(db, rc, reason) : 0;
}

int disk_schema_install(struct db *db, enum disk_limits limits, struct disk_reason *reason)
{
	bool current = false;

	int rc = check_foreign_shape(db, reason);
	if (rc < 0)
		return rc;
	rc = prepare_new(db, reason);
	if (rc == 0)
		rc = enter_wal(db, reason);
	if (rc < 0)
		return rc;
	rc = is_current(db, limits, &current);
	if (rc == 0 && !current) {
		rc = install(db, limits);
		if (rc == 0)
			rc = note_use(db);
	}
	if (rc < 0) {
		explain(db, rc, reason);
		if (!sqlite3_get_autocommit(db->handle))
			db_exec(db, "ROLLBACK");
	}
	return rc;
}
