#ifndef CACHEFS_DISK_SPACE_H
#define CACHEFS_DISK_SPACE_H

/*
 * A full file system below the database. A removal needs no space: what it writes fits into blocks
 * that the layer has already. The log has some that it keeps when it is cut (disk/wal.h); the
 * database has its own up to its last page, written or not, and free pages among them, which sets
 * leave alone. A set evicts, by the policy of free_space.h. For who owns the connection.
 */

#include <stdbool.h>

#include "disk/job.h"
#include "kit/free_space.h"

struct disk;

struct disk_space {
	struct free_space policy;
	bool full_said; /* that the file system is full */
};

void disk_space_init(struct disk *d);

/* Before a transaction is committed that may have added pages. 0 or -ENOSPC: it has to be rolled
 * back. */
int disk_space_keep(struct disk *d);

/* What has been tried for one job: made with = {0}. */
struct disk_relief {
	bool wrote_back;
};

/*
 * A job met a full file system, and its transaction has been rolled back: writes the log back, then
 * evicts, a step each time. True: it is worth another try.
 */
bool disk_space_relieve(struct disk *d, struct disk_relief *relief, const struct disk_job *job);

/* Evicts for min_free, a step. True: there is more to do. */
bool disk_space_upkeep(struct disk *d);

#endif
