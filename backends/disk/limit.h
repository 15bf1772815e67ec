#ifndef CACHEFS_DISK_LIMIT_H
#define CACHEFS_DISK_LIMIT_H

/*
 * Keeps the layer within size_limit_mb. The layer's size is the database with its free pages, its
 * log, and the files of large values. Only the owner of the connection for writing calls these
 * functions.
 */

#include <stdbool.h>
#include <stdint.h>

#include "disk/job.h"
#include "disk/txn.h"

struct disk;

struct disk_limit {
	uint64_t bytes;     /* the limit without the log's part; 0: none */
	int vacuum_pages;   /* most pages that one step gives back */
	bool shortens;      /* the database can be made shorter */
	bool over;          /* the layer exceeds the limit */
	bool convert_due;   /* make the database one that can be made shorter */
	uint64_t surplus;   /* bytes of free pages to give back; UINT64_MAX: all of them */
	int64_t surplus_ms; /* time of the next look for a surplus */
};

/* Call it after the database was opened and disk_wal_configure() was called. */
void disk_limit_configure(struct disk *d);

/* Rewrites a database that an older version made and that cannot become shorter, if convert_due is
 * set. This takes long. Call it before disk_limit_configure(). */
void disk_limit_convert(struct disk *d);

/* True if the value does not fit even if all other entries are evicted. */
bool disk_limit_can_never_fit(const struct disk *d, const struct disk_job *job);

/*
 * Makes room for the value of a set, before anything is added. keep: id of the row that must not be
 * evicted (0: none). freed: bytes that the replaced value occupies. 0: there is room, or job->more
 * is set and the next step goes on. -EFBIG: there can be no room. -EOPNOTSUPP: there can be room
 * for a row, but not for a file.
 */
int disk_limit_make_room(struct disk_txn *txn, struct disk_job *job, int64_t keep, uint64_t freed);

/* Evict what exceeds the limit and give free pages back, in the background. disk_limit_step() sets
 * *more if work is left, and returns 0 or -errno. */
bool disk_limit_has_work(struct disk *d);
int disk_limit_step(struct disk_txn *txn, bool *more);

#endif
