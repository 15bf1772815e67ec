#ifndef CACHEFS_DISK_WRITER_H
#define CACHEFS_DISK_WRITER_H

/*
 * Writing. A caller that finds nobody at it commits its job itself, which saves two wake-ups (half
 * the time of a small set). Otherwise callers queue their jobs, and the writer thread takes all
 * there are and commits them in one transaction. While somebody commits the next ones gather, so no
 * timer is needed to form groups. The thread also does what is not anybody's job: upkeep,
 * checkpoints, opening anew. Thread-safe.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "disk/job.h"

struct disk;

struct disk_writer {
	pthread_t thread;
	int64_t upkeep_ms; /* when upkeep is due; the thread's */
	/* How long other programs' locks have been waited for; moves with whatever is done. */
	atomic_int_fast64_t locked_ms;
};

int disk_writer_start(struct disk *d);   /* 0 or -errno; the database may be down all the same */
void disk_writer_ending(struct disk *d); /* see struct backend */
void disk_writer_stop(struct disk *d);   /* after the jobs that are queued */

/*
 * Runs a job: waits for its commit. -EHOSTDOWN: nothing was done, or only some steps of it: another
 * program has held the lock for DISK_BUSY_MS altogether, or the writer shows no life; it does not
 * fail because others take long. Once its transaction has begun the wait is for the local disk
 * alone, and without deadline: the outcome would be unknown.
 */
int disk_writer_submit(struct disk *d, struct disk_job *job);

#endif
