/* The SQL statements of the disk layer. See disk/statements.h. */
#include "disk/statements.h"

_Static_assert((int)DISK_STATEMENTS <= (int)DB_STATEMENTS_MAX, "a connection keeps them all");

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
	/* Two at once, for keys that are TEXT and keys that are BLOBs: as texts they differ too. */
	[DISK_LIST_TEXT] = LIST,
	[DISK_LIST_BLOB] = LIST " ",
	[DISK_LIST_DIRS_TEXT] = LIST_DIRS,
	[DISK_LIST_DIRS_BLOB] = LIST_DIRS " ",
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

sqlite3_stmt *disk_statement(struct db *db, enum disk_statement id)
{
	return db_statement(db, sql[id]);
}

int disk_number(struct db *db, enum disk_statement id, int64_t *number)
{
	return db_number(db, sql[id], number);
}
