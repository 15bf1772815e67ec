#ifndef CACHEFS_DISK_SCHEMA_H
#define CACHEFS_DISK_SCHEMA_H

/*
 * The tables. `cache` is shared live with other programs, which know its first four columns only:
 *
 *   CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at REAL,
 *                      updated_at REAL NOT NULL)          and an index idx_cache_expires
 *
 * Ours are columns with defaults (a row at the defaults is foreign: cachefs_size is NULL) and
 *   cachefs_use       recency and hits of a row, by its rowid. Apart, because rewriting a row to
 *                     note a hit would rewrite its payload too. Soft: losing it loses an order.
 *   cachefs_dirs      markers of directories
 *   cachefs_settings  name, value
 *   cachefs_log       the keys of the rows that were changed last, by anybody, in that order: see
 *                     disk/watch.c. seq never goes back, for the newest row always stays.
 * Other programs evict by updated_at, and move it with each get. So our gets move it too
 * (disk/refresh.c), and theirs count as uses here; cachefs_written has what it was in a foreign row
 * first, which is when that was written. Neither is a change.
 * Triggers keep cachefs_use in step with any program's writes, and put our columns back to their
 * defaults when another program changes a payload: our own sets move cachefs_stamp, its do not.
 */

#include <stddef.h>

#include "disk/statements.h"

enum disk_limits { DISK_UNLIMITED, DISK_EVICTS }; /* the order of eviction needs an index */

/*
 * Makes the file ours: WAL, our tables, our application_id if it has none; upgrades an old
 * database in place. 0, or -errno with a sentence for the log in reason. Changes nothing in a file
 * that it does not understand, or that belongs to another application.
 */
struct disk_reason {
	char text[256];
};
int disk_schema_install(struct db *db, enum disk_limits limits, struct disk_reason *reason);

/* The name of a trigger that is not ours; "": there is none, or nobody can tell. */
void disk_schema_other_trigger(struct db *db, char *name, size_t size);

#endif
