#ifndef CACHEFS_DISK_CONNECTION_H
#define CACHEFS_DISK_CONNECTION_H

/*
 * The connection for writing: how the database is opened, when it is opened anew, what is said of a
 * database that is down. For who owns it (disk/queue.h), but for disk_connection_is_current().
 *
 *	DOWN --open--> UP: the database is there, and can be ours
 *	UP --check--> DOWN --open--> UP: its files or tables are not what they were
 *
 * It is tried again each DISK_RETRY_MS; a damaged file once it has been replaced or mended.
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "kit/db.h"
#include "kit/db_files.h"

struct disk;

enum { DISK_RETRY_MS = 3000 }; /* between tries to open a database that is down */

struct disk_connection {
	struct db db;
	struct db_guard guard;
	struct db_files files; /* as they were when it was opened */
	bool lost;             /* what was committed last could not be put back */
	bool damaged;          /* the file that was open, as it was then: it stays down */
	struct timespec damaged_mtime;
	int64_t retry_ms;  /* when to try to open again */
	char trouble[320]; /* the last that was logged */
};

/* Opens the database if it is due; logs a new trouble. True: up. */
bool disk_connection_open(struct disk *d);
void disk_connection_close(struct disk *d);

/* Opens anew if the file was replaced or its tables were. True: up. */
bool disk_connection_check(struct disk *d);

/* Up, and nobody has met what has to be looked at first. Thread-safe. */
bool disk_connection_is_current(const struct disk *d);

#endif
