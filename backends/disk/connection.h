#ifndef CACHEFS_DISK_CONNECTION_H
#define CACHEFS_DISK_CONNECTION_H

/*
 * The connection for writing: how the database is opened, when it is opened anew, and what the log
 * says of a database that is down. Only the owner of the connection (disk/queue.h) calls these
 * functions; any thread may call disk_connection_is_current().
 *
 *	DOWN --open--> UP: the database exists, and disk_schema_install() accepts it
 *	UP --check--> DOWN --open--> UP: the files or the tables were replaced
 *
 * A database that is down is opened again every DISK_RETRY_MS. A damaged file is opened again only
 * after somebody has replaced or mended it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "kit/db.h"
#include "kit/db_files.h"

struct disk;

enum { DISK_RETRY_MS = 3000 }; /* between attempts to open a database that is down */

struct disk_connection {
	struct db db;
	struct db_guard guard;
	struct db_files files; /* the files as of the last opening */
	bool lost;             /* acknowledged changes could not be restored */
	bool damaged;          /* a statement met damage in the file: it stays down */
	struct timespec damaged_mtime;
	int64_t retry_ms;  /* time of the next attempt to open */
	char trouble[320]; /* the last failure that was logged */
};

/* Opens the database, which must be closed. Logs a failure if its reason is new. Returns true if
 * the database is up. */
bool disk_connection_open(struct disk *d);
void disk_connection_close(struct disk *d);

/* Opens the database anew if its files or tables were replaced, or if the next attempt to open it
 * is due. Returns true if the database is up. */
bool disk_connection_check(struct disk *d);

/* True if the database is up and no statement has failed in a way that the owner must examine
 * first. Thread-safe. */
bool disk_connection_is_current(const struct disk *d);

#endif
