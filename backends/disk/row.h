#ifndef CACHEFS_DISK_ROW_H
#define CACHEFS_DISK_ROW_H

/*
 * How keys, values and metadata are stored in the database.
 *
 * A key that is valid UTF-8 is stored as TEXT, any other as a BLOB of the same bytes. Both types
 * sort by their bytes, and every TEXT sorts before every BLOB. So a range of keys is two ranges,
 * one per type, and no key needs escapes. (Another program's LIKE 'dir/%' may find the BLOBs or
 * not; this depends on the options of its SQLite. Debian's does not find them.)
 *
 * The marker of a directory has the key of marker_key(), so markers sort as listings do.
 */

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "disk/statements.h"
#include "base/key.h"
#include "base/meta.h"
#include "kit/value_files.h"

/* Binds the key. The caller keeps its bytes until the statement is reset. */
void disk_bind_key(sqlite3_stmt *statement, int index, struct key key);
struct key disk_column_key(sqlite3_stmt *statement, int column); /* valid until the next step */

/* True if the key is valid and the column has the type that we would store the key with. */
bool disk_column_key_is_ours(sqlite3_stmt *statement, int column);

/* Reads the name of a value's file; "": there is none, or no file of ours can have that name. */
void disk_column_file(sqlite3_stmt *statement, int column, char file[VALUE_FILE_NAME]);

enum disk_key_type { DISK_KEYS_TEXT, DISK_KEYS_BLOB };

/*
 * A range of keys of one type: [first, end), or all keys from the first on if unbounded is set.
 * Statements borrow first and end until they are reset.
 */
struct disk_range {
	struct key_buffer first, end;
	bool unbounded;
};
void disk_range_below(struct disk_range *range, struct key dir);
void disk_range_prefix(struct disk_range *range, struct key prefix);
void disk_range_bind(sqlite3_stmt *statement, const struct disk_range *range,
		     enum disk_key_type type);

/* Converts milliseconds to REAL seconds; exact for whole milliseconds. */
double disk_seconds(int64_t ms);

/* Binds the instant to three parameters from `index` on: by the wall clock, by CLOCK_BOOTTIME, and
 * the id of the boot. */
void disk_bind_instant(sqlite3_stmt *statement, int index, struct instant now);

/* Binds the parameters of DISK_EXPIRED: a moment before which expires_at of every expired entry
 * lies, and the instant. */
void disk_bind_over(sqlite3_stmt *statement, int index, struct instant now);

/* Reads the metadata of a row of enum disk_column. The caller finishes *meta. */
void disk_row_meta(sqlite3_stmt *statement, struct meta *meta);

/* Returns the time of the row's last use, as of disk_hits_tick(); 0: never. */
double disk_row_used(sqlite3_stmt *statement);

/* Binds meta to the parameters 2 to 19 that DISK_UPSERT and DISK_TOUCH share. */
void disk_row_bind_meta(sqlite3_stmt *statement, const struct meta *meta);

/* Read the metadata of a directory's marker from the columns after `dir`, and bind it to the
 * parameters of DISK_DIR_SET. */
void disk_row_dir_meta(sqlite3_stmt *statement, struct meta *meta);
void disk_row_bind_dir(sqlite3_stmt *statement, const struct meta *meta);

#endif
