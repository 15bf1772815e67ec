#ifndef CACHEFS_DISK_STORE_H
#define CACHEFS_DISK_STORE_H

/*
 * The modules of the disk layer, and their common data. The list goes from low to high: a file
 * calls files above its own line, never files below it.
 *
 *   conf.c      the options               statements.c, schema.c  SQL, the tables
 *   row.c       rows <-> keys, metadata   hits.c       hits not written yet
 *   names.c     lists of keys and files   job.h        a change that a caller asks for
 *   queue.c     the waiting jobs, and the owner of the connection for writing
 *   readers.c   the connections that gets read on
 *   watch.c     changes by other programs
 *   amounts.c   the bytes that the layer occupies, and a shorter database
 *   wal.c       the database's log: checkpoints, and the blocks that it keeps
 *   txn.c       one transaction
 *   refresh.c   gets as other programs count them
 *   entry.c     one entry in a transaction
 *   evict.c     expiry and eviction
 *   limit.c     room within the limit     space.c      room on a full file system
 *   range.c     changes of very many rows, in steps
 *   change.c    applies a job in a transaction
 *   upkeep.c    work between jobs
 *   connection.c  how the database is opened, and opened anew
 *   writer.c    group commit, the writer thread
 *   get.c       gets    list.c  directories    set.c  sets
 *   disk.c      the backend
 *
 * One thread at a time owns the connection for writing (queue.h). The owner's fields need no lock.
 */

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache.h"
#include "disk/conf.h"
#include "disk/connection.h"
#include "disk/hits.h"
#include "disk/limit.h"
#include "disk/queue.h"
#include "disk/readers.h"
#include "disk/refresh.h"
#include "disk/space.h"
#include "disk/statements.h"
#include "disk/txn.h"
#include "disk/upkeep.h"
#include "disk/wal.h"
#include "disk/watch.h"
#include "disk/writer.h"
#include "kit/value_files.h"

enum { DISK_BUSY_MS = 5000 }; /* how long a call waits for another program's lock */

struct disk {
	const struct disk_conf *conf;
	const struct backend_env *env;
	struct value_files values;
	struct disk_hits hits;
	struct disk_queue queue;
	struct disk_writer writer;
	struct disk_watch watch;
	struct disk_readers readers;

	/* The owner's: */
	struct disk_connection connection;
	struct disk_txn *txn; /* the current transaction */
	struct disk_wal wal;
	struct disk_limit limit;
	struct disk_space space;
	struct disk_refresh refresh;
	struct disk_upkeep upkeep;
	uint64_t spare_low; /* bytes: fewest in free pages since the last look for a surplus */
	int step_rows;      /* most rows that one transaction removes or moves */
	int fewer_rows;     /* the same while the log has no room for so many; 0: it has */

	char trouble[160]; /* why the database is down, or "". Guarded by the readers' lock */

	atomic_bool up;      /* the database is open */
	atomic_int down_for; /* -errno of reads while the database is down: no miss */
	atomic_bool corrupt; /* a statement met damage */
	atomic_bool suspect; /* a statement failed: the tables may have been replaced */
	atomic_int_fast64_t cut_until_ms; /* a statement was cut off: no job begins before then */
	atomic_uint_fast64_t
		generation; /* of the file at the path; connections to older files are closed */
	atomic_uint_fast64_t damaged;      /* hash of the key of the last message about damage */
	atomic_uint_fast64_t inline_limit; /* larger values become files */
	atomic_uint_fast64_t page_size;
	atomic_int_fast64_t entries, file_bytes;
	atomic_uint_fast64_t used_bytes; /* pages in use, files and log */
	atomic_uint_fast64_t evictions, expiries;
};

/* Returns the time in ms, by the clock of deadlines and pauses. */
static inline int64_t disk_now_ms(const struct disk *d)
{
	return time_mono_ms(d->env->time);
}

/* Returns the connection for writing. Only its owner may call this. */
static inline struct db *disk_db(struct disk *d)
{
	assert(disk_queue_is_owner(&d->queue));
	return &d->connection.db;
}

#endif
