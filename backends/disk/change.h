#ifndef CACHEFS_DISK_CHANGE_H
#define CACHEFS_DISK_CHANGE_H

/* Applies a job inside a transaction, by the module for its kind. */

#include "disk/job.h"
#include "disk/txn.h"

/* Applies one step of the job. Returns 0 or -errno. After a failure that changed rows, the caller
 * must roll the transaction back: the step may be half done. */
int disk_change_apply(struct disk_txn *txn, struct disk_job *job);

#endif
