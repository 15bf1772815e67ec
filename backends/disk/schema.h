#ifndef CACHEFS_DISK_SCHEMA_H
#define CACHEFS_DISK_SCHEMA_H

/*
 * The tables. Other programs share `cache` at the same time, and know only its first four columns:
 *
 *   CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at REAL,
 *                      updated_at REAL NOT NULL)          and an index idx_cache_expires
 *
 * Our part is columns with defaults (a row with the defaults is foreign: cachefs_size is NULL) and
 *   cachefs_use       last use and hits of a row, by its rowid. A separate table, because to note a
 *                     hit in the row would rewrite its payload. A loss of it loses only an order.
 *   cachefs_dirs      markers of directories
 *   cachefs_settings  name, value
 *   cachefs_log       the keys of the rows that any program changed last, in the order of changes:
 *                     see disk/watch.c. seq never decreases, because the newest row stays.
 *
 * Other programs evict by updated_at, and each of their gets moves it. So our gets move it too
 * (disk/refresh.c), and a get of another program counts as a use here. cachefs_written keeps the
 * first updated_at of a foreign row, which is the time of its set. Neither is logged as a change.
 *
 * Triggers update cachefs_use after the writes of any program. They also set our columns back to
 * their defaults when another program changes a payload: our own sets change cachefs_stamp, other
 * programs' sets do not.
 */

#include <stddef.h>

#include "disk/statements.h"

enum disk_limits { DISK_UNLIMITED, DISK_EVICTS }; /* eviction needs an index for its order */

/*
 * Prepares the file: WAL, our tables, and our application_id if it has none. Upgrades an old
 * database in place. Returns 0, or -errno and a sentence for the log in reason. A file with unknown
 * tables, or of another application, is not changed.
 */
struct disk_reason {
	char text[256];
};
int disk_schema_install(struct db *db, enum disk_limits limits, struct disk_reason *reason);

/* Finds the name of a trigger that is not ours; "": there is none, or the query failed. */
void disk_schema_other_trigger(struct db *db, char *name, size_t size);

#endif
