#ifndef CACHEFS_DISK_LIMIT_H
#define CACHEFS_DISK_LIMIT_H

/*
 * Room within size_limit_mb: what the layer takes on its disk is the database with its free pages,
 * its log, and the files of large values. For who owns the connection.
 */

#include <stdbool.h>
#include <stdint.h>

#include "disk/job.h"
#include "disk/txn.h"

struct disk;

struct disk_limit {
	uint64_t bytes;     /* without the log, for which the rest is; 0: none */
	int vacuum_pages;   /* how many are given back at once */
	bool shortens;      /* the database can be made shorter */
	bool over;          /* the limit */
	bool convert_due;   /* the database is to be made such that it can */
	uint64_t surplus;   /* bytes of free pages to be given back; UINT64_MAX: all there are */
	int64_t surplus_ms; /* when to look for more */
};

/* The database is open, and disk_wal_configure() called. */
void disk_limit_configure(struct disk *d);

/* Before that: a database of before, which cannot be made shorter, is rewritten if that is due:
 * takes long. */
void disk_limit_convert(struct disk *d);

/* What may go before the set of a value is not enough, whatever goes. */
bool disk_limit_can_never_fit(const struct disk *d, const struct disk_job *job);

/*
 * Room for the value of a set, before anything is added. keep: the row that is not to go; freed:
 * what the set replaces takes. 0: there is room, or, with job->more, there is some more after the
 * next step. -EFBIG: it cannot be had. -EOPNOTSUPP: not for a file, but for a row.
 */
int disk_limit_make_room(struct disk_txn *txn, struct disk_job *job, int64_t keep, uint64_t freed);

/* In the background: what is above the limit goes, free pages are given back. *more: there is more
 * to do. */
bool disk_limit_has_work(struct disk *d);
int disk_limit_step(struct disk_txn *txn, bool *more);

#endif
