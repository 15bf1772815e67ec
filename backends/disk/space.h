#ifndef CACHEFS_DISK_SPACE_H
#define CACHEFS_DISK_SPACE_H

/*
 * Handles a full file system below the database. A removal needs no space: it writes into blocks
 * that the layer has already. The log keeps some blocks when it is cut (disk/wal.h). The database
 * has blocks for all pages up to its last one, written or not, and sets leave some of its free
 * pages unused. A set evicts, by the policy of free_space.h. Only the owner of the connection for
 * writing calls these functions.
 */

#include <stdbool.h>

#include "disk/job.h"
#include "kit/free_space.h"

struct disk;

struct disk_space {
	struct free_space policy;
	bool full_said; /* the log says that the file system is full */
};

void disk_space_init(struct disk *d);

/* Call it before the commit of a transaction that may have added pages. Returns 0 or -errno
 * (-ENOSPC: there is no room): after an error the caller must roll the transaction back. */
int disk_space_keep(struct disk *d);

/* The measures that were tried for one job. Initialise it with = {0}. */
struct disk_relief {
	bool wrote_back;
};

/*
 * Call it after a job met a full file system and its transaction was rolled back. Each call takes
 * one step: the first one writes the log back, the next ones evict. True: try the job again.
 */
bool disk_space_relieve(struct disk *d, struct disk_relief *relief, const struct disk_job *job);

/* Runs one step of eviction for min_free. True: work is left. */
bool disk_space_upkeep(struct disk *d);

#endif
