#ifndef CACHEFS_DISK_READERS_H
#define CACHEFS_DISK_READERS_H

/*
 * The pool of connections on which gets and listings read. SQLite shares one index among all
 * connections of a process, and POSIX locks go with the first that is closed behind its back: a
 * database is opened anew only once all are closed.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/children.h"
#include "base/key.h"
#include "base/lock.h"
#include "base/meta.h"
#include "base/value.h"
#include "kit/db.h"
#include "kit/value_files.h"

struct disk;

enum { DISK_READERS_MAX = 8 };

struct disk_readers {
	struct db_guard guard;
	struct lock lock; /* RANK_LAYER_INNER; guards: */
	pthread_cond_t changed;
	struct db *idle;
	unsigned count; /* idle or not */
	bool closing;   /* nobody may begin to read: they are closed, or will be */
	uint64_t looks; /* how often the writer has looked what is the matter */
};

void disk_readers_init(struct disk_readers *r, const struct time_source *time); /* borrowed */
void disk_readers_fini(struct disk_readers *r); /* all are closed */

/* What a read asks for, and what it found. */
struct disk_lookup {
	struct key key, to;
	struct key after;
	bool after_is_dir;
	struct children *batch;
	struct meta meta; /* the caller's once the read returned 0 */
	struct value *value;
	char file[VALUE_FILE_NAME]; /* the value lies there */
	double used;                /* when the row was, and the hits settled before it was read */
	uint64_t settled;
};

/*
 * Runs a read on a connection of its own, again and again while another program keeps it from it
 * (-EAGAIN), for DISK_BUSY_MS at most. 0 or what it returned; -EHOSTDOWN: the database cannot be
 * read now; -EIO: it is damaged. Thread-safe.
 */
typedef int disk_read_call(struct disk *d, struct db *db, struct disk_lookup *lookup);
int disk_read(struct disk *d, disk_read_call *read, struct disk_lookup *lookup);

/*
 * For who owns the connection for writing. close() lets nobody begin to read, and waits for those
 * who do: false if some have not ended by the deadline. Who comes meanwhile waits for open().
 */
bool disk_readers_close(struct disk *d);
void disk_readers_open(struct disk *d);
void disk_readers_looked(struct disk *d); /* open again, or not: who met an error goes on */

#endif
