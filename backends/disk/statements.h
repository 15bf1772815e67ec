#ifndef CACHEFS_DISK_STATEMENTS_H
#define CACHEFS_DISK_STATEMENTS_H

/* The SQL statements of the disk layer, by purpose. */

#include "kit/db.h"

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
 * The columns that DISK_STAT, DISK_GET, DISK_FIND and DISK_LIST_* select, in this order. The next
 * column is the payload for DISK_GET, the key for the lists.
 */
enum disk_column {
	DISK_COLUMN_ROWID,
	DISK_COLUMN_EXPIRES,
	DISK_COLUMN_WRITTEN, /* seconds since 1970, as other programs count a set's time */
	DISK_COLUMN_SIZE,    /* NULL: a foreign row */
	DISK_COLUMN_OCTETS,  /* of the payload; computed for foreign rows only */
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

/* As db_statement() and db_number(), for one of these statements. */
sqlite3_stmt *disk_statement(struct db *db, enum disk_statement id);
int disk_number(struct db *db, enum disk_statement id, int64_t *number);

#endif
