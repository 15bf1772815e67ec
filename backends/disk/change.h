#ifndef CACHEFS_DISK_CHANGE_H
#define CACHEFS_DISK_CHANGE_H

/* What a job does inside a transaction: from here to the module that does it. */

#include "disk/job.h"
#include "disk/txn.h"

/* One step of it. 0 or -errno. A failure may leave the transaction half done: it must be rolled
 * back if it changed rows. */
int disk_change_apply(struct disk_txn *txn, struct disk_job *job);

#endif
