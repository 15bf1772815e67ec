#ifndef CACHEFS_DISK_ROW_H
#define CACHEFS_DISK_ROW_H

/*
 * How keys, values and metadata stand in the database.
 *
 * A key that is valid UTF-8 is stored as TEXT, any other as a BLOB of the same bytes. Both sort by
 * their bytes and every TEXT before every BLOB, so a range of keys is two ranges, one per type, and
 * nothing needs escaping. (Whether another program's LIKE 'dir/%' finds the BLOBs is up to how its
 * SQLite was built: Debian's does not.)
 *
 * The marker of a directory has the key of marker_key(), so that markers sort as listings do.
 */

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "disk/statements.h"
#include "base/key.h"
#include "base/meta.h"
#include "kit/value_files.h"

/* The bytes stay the caller's until the statement is reset. */
void disk_bind_key(sqlite3_stmt *statement, int index, struct key key);
struct key disk_column_key(sqlite3_stmt *statement, int column); /* valid until the next step */

/* Whether the column's type is the one that we would store this key with. */
bool disk_column_key_is_ours(sqlite3_stmt *statement, int column);

/* The name of a value's file; "": there is none, or it is no name that one of ours has. */
void disk_column_file(sqlite3_stmt *statement, int column, char file[VALUE_FILE_NAME]);

enum disk_key_type { DISK_KEYS_TEXT, DISK_KEYS_BLOB };

/*
 * A range of keys of one type: [first, end), everything from the first on when unbounded. first and
 * end are borrowed until the statement is reset.
 */
struct disk_range {
	struct key_buffer first, end;
	bool unbounded;
};
void disk_range_below(struct disk_range *range, struct key dir);
void disk_range_prefix(struct disk_range *range, struct key prefix);
void disk_range_bind(sqlite3_stmt *statement, const struct disk_range *range,
		     enum disk_key_type type);

/* REAL seconds <-> milliseconds; exact for whole milliseconds. */
double disk_seconds(int64_t ms);

/* The instant to three parameters from `index` on: by the wall clock, by CLOCK_BOOTTIME, and of
 * which boot. */
void disk_bind_instant(sqlite3_stmt *statement, int index, struct instant now);

/* The parameters of DISK_EXPIRED: before what nothing ends that has not, and the instant. */
void disk_bind_over(sqlite3_stmt *statement, int index, struct instant now);

/* The metadata in a row of enum disk_column; finished by the caller. */
void disk_row_meta(sqlite3_stmt *statement, struct meta *meta);

/* When the row was used last, as disk_hits_tick() counts; 0: never. */
double disk_row_used(sqlite3_stmt *statement);

/* Binds meta to the parameters 2 to 19 that DISK_UPSERT and DISK_TOUCH share. */
void disk_row_bind_meta(sqlite3_stmt *statement, const struct meta *meta);

/* A directory's marker: from the columns after `dir`; to the parameters of DISK_DIR_SET. */
void disk_row_dir_meta(sqlite3_stmt *statement, struct meta *meta);
void disk_row_bind_dir(sqlite3_stmt *statement, const struct meta *meta);

#endif
