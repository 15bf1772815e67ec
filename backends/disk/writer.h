#ifndef CACHEFS_DISK_WRITER_H
#define CACHEFS_DISK_WRITER_H

/*
 * Writing. A caller that finds no other writer commits its job itself, which saves two wake-ups
 * (half the time of a small set). Otherwise callers queue their jobs, and the writer thread takes
 * all queued jobs and commits them in one transaction. During a commit the next jobs gather, so
 * groups need no timer. The thread also does the work that no caller asks for: upkeep, checkpoints,
 * opening anew. Thread-safe.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "disk/job.h"

struct disk;

struct disk_writer {
	pthread_t thread;
	int64_t upkeep_ms; /* time of the next upkeep; only the thread uses it */
	/* Time spent waiting for other programs' locks, in total. */
	atomic_int_fast64_t locked_ms;
};

int disk_writer_start(struct disk *d);   /* 0 or -errno; 0 also if the database is down */
void disk_writer_ending(struct disk *d); /* see struct backend */
void disk_writer_stop(struct disk *d);   /* after the queued jobs */

/*
 * Runs a job and waits for its commit. Returns 0 or -errno. -EHOSTDOWN: nothing was done, or only
 * some steps: the database is down, or another program has held the lock for DISK_BUSY_MS in total,
 * or the writer shows no sign of life. A job does not fail because other jobs take long. Once its
 * transaction has begun, the wait has no deadline, because the outcome would be unknown; it is only
 * for the local disk.
 */
int disk_writer_submit(struct disk *d, struct disk_job *job);

#endif
