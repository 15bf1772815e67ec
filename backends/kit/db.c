/* A connection to SQLite and the statements that the disk layer uses. See kit/db.h. */
#include "kit/db.h"

#include <errno.h>
#include <string.h>

#include "kit/sqlite_os.h"
#include "base/time_source.h"

enum { PROGRESS_STEPS = 100000 }; /* of SQLite's machine: some milliseconds */

/* Must agree with enum disk_column. */
#define ROW                                                                                        \
	"SELECT c.rowid, c.expires_at, ifnull(c.cachefs_written, c.updated_at), c.cachefs_size,"   \
	" CASE WHEN c.cachefs_size IS NULL THEN length(CAST(c.payload AS BLOB)) END,"              \
	" c.cachefs_checksum, c.cachefs_version, c.cachefs_ino, c.cachefs_mode, c.cachefs_uid,"    \
	" c.cachefs_gid, c.cachefs_created_ms, c.cachefs_mtime_s, c.cachefs_mtime_ns,"             \
	" c.cachefs_ctime_s, c.cachefs_ctime_ns, c.cachefs_xattrs, c.cachefs_file,"                \
	" c.cachefs_hits + ifnull(u.hits, 0), u.used, c.cachefs_copy_end, c.cachefs_own_end,"      \
	" c.cachefs_ahead, c.cachefs_boot"
#define FROM " FROM cache c LEFT JOIN cachefs_use u ON u.id = c.rowid"

/* A damaged index may lead to another key's row: the row itself says whose it is. */
#define BY_KEY                                                                                     \
	" WHERE c.rowid = (SELECT rowid FROM cache WHERE cache_key = ?1) AND +c.cache_key = ?1"

/*
 * What the clock says that an end follows: the steady one if it was written down as an end of that
 * clock (end.h) in this boot and nobody has changed it since, else the wall clock. The parameters
 * are disk_bind_instant()'s.
 */
#define CLOCK(wall, boottime_ms, boot)                                                             \
	"CASE WHEN cachefs_boot = " boot " AND cachefs_copy_end ="                                 \
	" CAST(round(expires_at * 1000) AS INTEGER) * 4 + 2"                                       \
	" THEN (" boottime_ms " + cachefs_ahead) / 1000.0 ELSE " wall " END"

/* An entry is live while expires_at lies in the future. Another program's table may allow a
 * payload to be NULL: that is no value. */
#define LIVE(wall, boottime_ms, boot)                                                              \
	" AND (expires_at IS NULL OR expires_at > " CLOCK(wall, boottime_ms,                       \
							  boot) ") AND payload IS NOT NULL"

#define LIST                                                                                       \
	ROW ", c.cache_key" FROM " WHERE c.cache_key >= ?1 AND c.cache_key < ?2" LIVE(             \
		"?3", "?4", "?5") " ORDER BY c.cache_key"

#define DIR_COLUMNS "mode, uid, gid, ino, created_ms, mtime_s, mtime_ns, ctime_s, ctime_ns, xattrs"
#define LIST_DIRS                                                                                  \
	"SELECT dir, " DIR_COLUMNS " FROM cachefs_dirs WHERE dir >= ?1 AND dir < ?2 ORDER BY dir"

#define VICTIM                                                                                     \
	"SELECT u.id, c.rowid, c.cache_key, c.cachefs_file, c.cachefs_size"                        \
	" FROM cachefs_use u LEFT JOIN cache c ON c.rowid = u.id"

/*
 * The keys of the range are looked up in the primary key's index alone where possible: columns of
 * the row lie behind its payload, so reading one walks the payload's pages.
 */
static const char *const sql[DISK_STATEMENTS] = {
	[DISK_STAT] = ROW FROM BY_KEY LIVE("?2", "?3", "?4"),
	/* Larger payloads are read apart, after waiting_begin(). */
	[DISK_GET] = ROW
	", CASE WHEN ifnull(c.cachefs_size, 0) <= ?5 THEN c.payload END" FROM BY_KEY LIVE(
		"?2", "?3", "?4"),
	[DISK_LIST_TEXT] = LIST,
	[DISK_LIST_BLOB] = LIST,
	[DISK_LIST_DIRS_TEXT] = LIST_DIRS,
	[DISK_LIST_DIRS_BLOB] = LIST_DIRS,
	[DISK_BELOW] = "SELECT 1 FROM cache WHERE cache_key >= ?1 AND cache_key < ?2" LIVE(
		"?3", "?4", "?5") " LIMIT 1",
	[DISK_DIR_STAT] = "SELECT dir, " DIR_COLUMNS " FROM cachefs_dirs WHERE dir = ?1",
	[DISK_DIRS_BELOW] = "SELECT 1 FROM cachefs_dirs WHERE dir >= ?1 AND dir < ?2 AND dir <> ''"
			    " LIMIT 1",

	[DISK_BEGIN] = "BEGIN IMMEDIATE",
	[DISK_COMMIT] = "COMMIT",
	[DISK_ROLLBACK] = "ROLLBACK",
	[DISK_SYNC_MARK] = "INSERT INTO cachefs_settings(name, value) VALUES('syncs', 1)"
			   " ON CONFLICT(name) DO UPDATE SET value = value + 1",
	/* Together they leave free pages. */
	[DISK_SPARE_ADD] = "INSERT INTO cachefs_settings(name, value)"
			   " VALUES('spare', zeroblob(?1))",
	[DISK_SPARE_FREE] = "DELETE FROM cachefs_settings WHERE name = 'spare'",

	[DISK_FIND] = ROW FROM " WHERE c.cache_key = ?1",
	[DISK_UPSERT] =
		"INSERT INTO cache(cache_key, payload, expires_at, updated_at, cachefs_stamp,"
		" cachefs_size, cachefs_checksum, cachefs_version, cachefs_ino, cachefs_mode,"
		" cachefs_uid, cachefs_gid, cachefs_created_ms, cachefs_mtime_s, cachefs_mtime_ns,"
		" cachefs_ctime_s, cachefs_ctime_ns, cachefs_xattrs, cachefs_copy_end,"
		" cachefs_own_end, cachefs_ahead, cachefs_boot, cachefs_hits, cachefs_file)"
		" VALUES(?1, ?22, ?2, ?23, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
		"?15,"
		" ?16, ?17, ?18, ?19, ?20, ?21)"
		" ON CONFLICT(cache_key) DO UPDATE SET payload = excluded.payload,"
		" expires_at = excluded.expires_at, updated_at = excluded.updated_at,"
		" cachefs_stamp = cachefs_stamp + 1, cachefs_size = excluded.cachefs_size,"
		" cachefs_checksum = excluded.cachefs_checksum,"
		" cachefs_version = excluded.cachefs_version, cachefs_ino = excluded.cachefs_ino,"
		" cachefs_mode = excluded.cachefs_mode, cachefs_uid = excluded.cachefs_uid,"
		" cachefs_gid = excluded.cachefs_gid,"
		" cachefs_created_ms = excluded.cachefs_created_ms,"
		" cachefs_mtime_s = excluded.cachefs_mtime_s,"
		" cachefs_mtime_ns = excluded.cachefs_mtime_ns,"
		" cachefs_ctime_s = excluded.cachefs_ctime_s,"
		" cachefs_ctime_ns = excluded.cachefs_ctime_ns,"
		" cachefs_xattrs = excluded.cachefs_xattrs,"
		" cachefs_copy_end = excluded.cachefs_copy_end,"
		" cachefs_own_end = excluded.cachefs_own_end, cachefs_ahead = "
		"excluded.cachefs_ahead,"
		" cachefs_boot = excluded.cachefs_boot, cachefs_hits = excluded.cachefs_hits,"
		" cachefs_file = excluded.cachefs_file, cachefs_written = NULL",
	[DISK_TOUCH] =
		"UPDATE cache SET expires_at = ?2, cachefs_size = ?3, cachefs_checksum = ?4,"
		" cachefs_version = ?5, cachefs_ino = ?6, cachefs_mode = ?7, cachefs_uid = ?8,"
		" cachefs_gid = ?9, cachefs_created_ms = ?10, cachefs_mtime_s = ?11,"
		" cachefs_mtime_ns = ?12, cachefs_ctime_s = ?13, cachefs_ctime_ns = ?14,"
		" cachefs_xattrs = ?15, cachefs_copy_end = ?16, cachefs_own_end = ?17,"
		" cachefs_ahead = ?18, cachefs_boot = ?19"
		" WHERE rowid = ?1",
	[DISK_ALL_KEYS] = "SELECT cache_key, rowid FROM cache WHERE rowid >= ?1 ORDER BY rowid",
	[DISK_DELETE] = "DELETE FROM cache WHERE rowid = ?1",
	[DISK_MOVE] = "UPDATE OR REPLACE cache SET cache_key = ?2 WHERE rowid = ?1",

	[DISK_KEYS_BELOW] = "SELECT cache_key, rowid FROM cache"
			    " WHERE cache_key >= ?1 AND cache_key < ?2 LIMIT 1",
	[DISK_FILE_OF] = "SELECT cachefs_file, cachefs_size FROM cache INDEXED BY cachefs_files"
			 " WHERE cachefs_file IS NOT NULL AND cache_key = ?1",
	[DISK_NOTE_MOVE] = "INSERT OR REPLACE INTO cachefs_settings(name, value) VALUES(?1, ?2)",
	[DISK_FORGET_MOVE] = "DELETE FROM cachefs_settings WHERE name = ?1",
	[DISK_NOTED_MOVE] = "SELECT name, value FROM cachefs_settings"
			    " WHERE name >= 'move:' AND name < 'move;' LIMIT 1",

	[DISK_DIR_SET] = "INSERT OR REPLACE INTO cachefs_dirs(dir, " DIR_COLUMNS ")"
			 " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[DISK_DIR_DELETE] = "DELETE FROM cachefs_dirs WHERE dir = ?1",
	[DISK_DIRS_KEYS_BELOW] =
		"SELECT dir, 0 FROM cachefs_dirs WHERE dir >= ?1 AND dir < ?2 LIMIT 1",
	[DISK_LONGEST_BELOW] = "SELECT ifnull(max(length(CAST(cache_key AS BLOB))), 0) FROM cache"
			       " WHERE cache_key >= ?1 AND cache_key < ?2",
	[DISK_DIRS_LONGEST_BELOW] = "SELECT ifnull(max(length(CAST(dir AS BLOB))), 0)"
				    " FROM cachefs_dirs WHERE dir >= ?1 AND dir < ?2",
	[DISK_DIR_MOVE] = "UPDATE OR REPLACE cachefs_dirs SET dir = ?2 WHERE dir = ?1",

	[DISK_USE] = "UPDATE cachefs_use SET used = max(used, ?2), hits = hits + ?3"
		     " WHERE id = (SELECT rowid FROM cache WHERE cache_key = ?1)",
	[DISK_REFRESHABLE] =
		"SELECT rowid, updated_at,"
		" CASE WHEN cachefs_file IS NULL THEN length(CAST(payload AS BLOB)) ELSE 0 END"
		" FROM cache WHERE cache_key = ?1",
	[DISK_REFRESH] = "UPDATE cache SET updated_at = ?2, cachefs_written ="
			 " CASE WHEN cachefs_size IS NULL THEN ifnull(cachefs_written, updated_at)"
			 " END WHERE rowid = ?1",
	[DISK_OLDEST] = VICTIM " WHERE u.id <> ?1 ORDER BY u.used, u.id LIMIT 1",
	[DISK_OLDEST_IDS] = "SELECT id FROM cachefs_use ORDER BY used, id LIMIT ?1",
	[DISK_USED_BY] = VICTIM " WHERE u.id = ?1",
	[DISK_NEWEST] = "SELECT CAST(max(used) * 1000000 AS INTEGER) FROM cachefs_use",
	[DISK_FORGET_USE] = "DELETE FROM cachefs_use WHERE id = ?1",
	[DISK_EXPIRED] = "SELECT rowid, rowid, cache_key, cachefs_file, cachefs_size FROM cache"
			 " WHERE expires_at <= ?1 AND expires_at <= " CLOCK(
				 "?2", "?3", "?4") " ORDER BY expires_at LIMIT 1",
	[DISK_FILE_KNOWN] = "SELECT count(*) FROM cache INDEXED BY cachefs_file_names"
			    " WHERE cachefs_file = ?1",

	[DISK_LOG_LAST] = "SELECT ifnull(max(seq), 0) FROM cachefs_log",
	[DISK_LOG_SINCE] = "SELECT seq, cache_key FROM cachefs_log WHERE seq >= ?1 ORDER BY seq",

	[DISK_PAGE_COUNT] = "PRAGMA page_count",
	[DISK_FREE_COUNT] = "PRAGMA freelist_count",
	[DISK_AUTO_VACUUM] = "PRAGMA auto_vacuum",
	[DISK_DATA_VERSION] = "PRAGMA data_version",
	[DISK_SCHEMA_VERSION] = "PRAGMA schema_version",
	[DISK_COUNT_ENTRIES] = "SELECT count(*) FROM cachefs_use",
	[DISK_COUNT_FILES] =
		/* In blocks; another program may have written what no file can have. */
		"SELECT CAST(total((CASE WHEN cachefs_size BETWEEN 0 AND 2305843009213693951"
		" THEN cachefs_size ELSE 0 END + 4095) / 4096) AS INTEGER) * 4096 FROM cache"
		" INDEXED BY cachefs_files WHERE cachefs_file IS NOT NULL",
};

/* Called by SQLite every so many steps of its machine. Whether the statement is to be cut off. */
static int on_progress(void *self)
{
	const struct db *db = self;
	int64_t now = time_mono_ms(&time_system), ending_ms = atomic_load(&db->guard->ending_ms);

	atomic_fetch_add(&db->guard->life, 1);
	if (db->deadline_ms > 0 && now >= db->deadline_ms)
		return 1;
	return ending_ms > 0 && db->begun_ms < ending_ms && now >= ending_ms + DB_ENDING_MS;
}

/* What stands in a schema runs no function that could reach beyond the database. */
static void harden(struct db *db)
{
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_progress_handler(db->handle, PROGRESS_STEPS, on_progress, db);
}

int db_open(struct db *db, const char *path, enum db_access access, struct db_guard *guard)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	if (access == DB_WRITER)
		flags |= SQLITE_OPEN_CREATE;
	memset(db, 0, sizeof(*db));
	db->guard = guard;
	sqlite_os_prepare();
	int code = sqlite3_open_v2(path, &db->handle, flags, NULL);
	if (code == SQLITE_OK)
		harden(db);
	if (code == SQLITE_OK && access == DB_READER)
		code = sqlite3_exec(db->handle, "PRAGMA query_only = 1", NULL, NULL, NULL);
	if (code != SQLITE_OK) {
		db->failure = db->handle ? db_errno(db) : -ENOMEM;
		sqlite3_close(db->handle);
		db->handle = NULL;
		return code;
	}
	sqlite3_busy_timeout(db->handle, 0);
	/* Whoever closes last would write to files that may not be what they were. */
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return SQLITE_OK;
}

void db_close(struct db *db)
{
	for (size_t i = 0; i < DISK_STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	memset(db->statements, 0, sizeof(db->statements));
	sqlite3_close(db->handle);
	db->handle = NULL;
}

sqlite3_stmt *db_statement(struct db *db, enum disk_statement id)
{
	if (!db->statements[id])
		sqlite3_prepare_v3(db->handle, sql[id], -1, SQLITE_PREPARE_PERSISTENT,
				   &db->statements[id], NULL);
	return db->statements[id];
}

int db_step(struct db *db, sqlite3_stmt *statement)
{
	if (!statement)
		return db_errno(db);
	db->begun_ms = time_mono_ms(&time_system);
	db->deadline_ms = db->begun_ms +
			  (sqlite3_stmt_readonly(statement) ? DB_READ_MS : DB_CHANGE_MS);
	int code = sqlite3_step(statement);
	db->deadline_ms = 0;
	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : db_errno(db);
}

int db_run(struct db *db, sqlite3_stmt *statement)
{
	int rc = db_step(db, statement);

	if (statement)
		sqlite3_reset(statement);
	return rc > 0 ? 0 : rc;
}

int db_number(struct db *db, enum disk_statement id, int64_t *number)
{
	sqlite3_stmt *statement = db_statement(db, id);
	int rc = db_step(db, statement);

	if (rc >= 0)
		*number = rc > 0 ? sqlite3_column_int64(statement, 0) : 0;
	if (statement)
		sqlite3_reset(statement);
	return rc > 0 ? 0 : rc;
}

int db_exec(struct db *db, const char *text)
{
	db->begun_ms = time_mono_ms(&time_system);
	return sqlite3_exec(db->handle, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_errno(db);
}

int db_errno(const struct db *db)
{
	return db_errno_on(db->handle);
}

/* The errno of the last write to a file of SQLite's that failed. A commit does not tell it. */
static int last_errno(sqlite3 *handle, int which)
{
	sqlite3_file *file = NULL;
	int error = 0;

	if (sqlite3_file_control(handle, "main", which, &file) == SQLITE_OK && file &&
	    file->pMethods)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
	return error;
}

/* SQLite knows as SQLITE_FULL only what a write says of a full file system: not a used-up quota, a
 * limit on the size of files, or a full one below the index of the WAL. */
static bool is_full(int error)
{
	return error == EDQUOT || error == EFBIG || error == ENOSPC;
}

int db_errno_on(sqlite3 *handle)
{
	int code = sqlite3_extended_errcode(handle);
	bool has_errno = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
	int error = has_errno ? sqlite3_system_errno(handle) : 0;

	if (is_full(error))
		return -ENOSPC;
	if (code == SQLITE_IOERR_WRITE && (is_full(last_errno(handle, SQLITE_FCNTL_FILE_POINTER)) ||
					   is_full(last_errno(handle, SQLITE_FCNTL_JOURNAL_POINTER))))
		return -ENOSPC;
	/* What this process is short of says nothing of the database. */
	if (error == EMFILE || error == ENFILE || error == ENOMEM)
		return -error;
	return db_errno_of(code);
}

bool db_is_shortage(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM;
}

int db_errno_of(int sqlite_code)
{
	switch (sqlite_code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EAGAIN;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_TOOBIG:
		return -EFBIG;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_INTERRUPT:
		return -ETIMEDOUT;
	case SQLITE_CORRUPT:
		return -EUCLEAN;
	case SQLITE_IOERR:
		return -EIO;
	default: /* not a database, no permission, a schema that is not ours any more */
		return -EHOSTDOWN;
	}
}
