#ifndef CACHEFS_DISK_RANGE_H
#define CACHEFS_DISK_RANGE_H

/*
 * Jobs that change very many rows, in steps: see disk/range.c. Only the owner of the connection for
 * writing calls these functions.
 */

#include <stdbool.h>

#include "disk/job.h"
#include "disk/txn.h"

struct disk;

/* Each runs one step of its job, as disk_change_apply(). */
int disk_range_remove(struct disk_txn *txn, struct disk_job *job);
int disk_range_remove_unreachable(struct disk_txn *txn, struct disk_job *job);
int disk_range_rename(struct disk_txn *txn, struct disk_job *job);

/* Call it for a job that has failed with job->rc. True: the job is a rename with committed steps,
 * and it continues in order to undo them. */
bool disk_range_turn_back(struct disk_job *job);

/* Finishes the renames that a daemon began before it died. Call it after opening. */
void disk_range_finish_renames(struct disk *d);

#endif
