#ifndef CACHEFS_DISK_READERS_H
#define CACHEFS_DISK_READERS_H

/*
 * The pool of connections on which gets and listings read. All connections of a process share
 * SQLite's index, and POSIX locks are lost with the first descriptor that is closed behind SQLite's
 * back. So the database is opened anew only after all connections were closed.
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
	bool closing;   /* no read may begin: connections are closed, or will be */
	uint64_t looks; /* number of checks by the writer: disk_readers_looked() */
};

void disk_readers_init(struct disk_readers *r, const struct time_source *time); /* borrowed */
void disk_readers_fini(struct disk_readers *r); /* all connections are closed */

/* The arguments of a read, and its results. */
struct disk_lookup {
	struct key key, to;
	struct key after;
	bool after_is_dir;
	struct children *batch;
	struct meta meta; /* belongs to the caller once the read returned 0 */
	struct value *value;
	char file[VALUE_FILE_NAME]; /* name of the value's file */
	double used;                /* time of the row's last use */
	uint64_t settled;           /* disk_hits_settled() before the read */
};

/*
 * Runs a read on a connection of the pool. Repeats it for at most DISK_BUSY_MS while another
 * program's lock prevents it (-EAGAIN). Returns 0 or the error of the read; -EHOSTDOWN: the
 * database cannot be read now; -EIO: it is damaged. Thread-safe.
 */
typedef int disk_read_call(struct disk *d, struct db *db, struct disk_lookup *lookup);
int disk_read(struct disk *d, disk_read_call *read, struct disk_lookup *lookup);

/*
 * For the owner of the connection for writing. disk_readers_close() prevents new reads and waits
 * for the running ones. False: some have not ended by the deadline. New reads wait for
 * disk_readers_open().
 */
bool disk_readers_close(struct disk *d);
void disk_readers_open(struct disk *d);
void disk_readers_looked(struct disk *d); /* ends a check: failed reads continue */

#endif
