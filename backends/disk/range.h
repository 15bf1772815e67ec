#ifndef CACHEFS_DISK_RANGE_H
#define CACHEFS_DISK_RANGE_H

/* Jobs that change very many rows, by steps: see disk/range.c. For who owns the connection. */

#include <stdbool.h>

#include "disk/job.h"
#include "disk/txn.h"

struct disk;

/* One step of the job each, as disk_change_apply(). */
int disk_range_remove(struct disk_txn *txn, struct disk_job *job);
int disk_range_remove_unreachable(struct disk_txn *txn, struct disk_job *job);
int disk_range_rename(struct disk_txn *txn, struct disk_job *job);

/* The job has failed with job->rc. True: some of its steps are committed, and it goes on to undo
 * them. */
bool disk_range_turn_back(struct disk_job *job);

/* After opening: renames that a daemon has begun, and died. */
void disk_range_finish_renames(struct disk *d);

#endif
