#ifndef CACHEFS_DISK_QUEUE_H
#define CACHEFS_DISK_QUEUE_H

/*
 * The waiting jobs, and the owner of the connection for writing. One thread at a time owns the
 * connection: the writer thread, or a caller that finds nobody who writes or waits to write. The
 * owner's data need no lock; functions that use them assert disk_queue_is_owner().
 *
 * After each step, a job of several steps goes to the end of a queue of its own and waits a while.
 * Meanwhile the lock of the database is free for other programs, which may try to take it only now
 * and then.
 *
 * Thread-safe. The queue calls no higher module: the writer thread waits in disk_queue_take(), and
 * any thread can ask it for upkeep by a nudge.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/time_source.h"
#include "disk/job.h"

struct disk_jobs {
	struct disk_job *first, *last;
};

struct disk_queue {
	const struct time_source *time; /* borrowed */
	atomic_uint_fast64_t *life;     /* changes while the owner makes progress; borrowed */
	struct lock lock;               /* RANK_LAYER; guards the queue fields of jobs, and: */
	pthread_cond_t work;
	struct disk_jobs waiting;
	struct disk_jobs going; /* jobs that wait for their next step */
	int64_t going_ms;       /* no step before then: other programs want the database's lock */
	bool stop, nudged;
	bool thread_waits; /* for the connection: no caller takes it first */
	bool owned;        /* a thread uses the connection: */
	pthread_t owner;
};

/* The calling thread becomes the owner. */
void disk_queue_init(struct disk_queue *q, const struct time_source *time,
		     atomic_uint_fast64_t *life);
void disk_queue_fini(struct disk_queue *q); /* no job is in it */

/* Asks the writer thread for upkeep. The caller holds no lock of RANK_LAYER or later. */
void disk_queue_nudge(struct disk_queue *q);

/* Asks the writer thread to end once the queue is empty. */
void disk_queue_stop(struct disk_queue *q);

/* --- the owner -------------------------------------------------------------------------------- */

bool disk_queue_is_owner(const struct disk_queue *q); /* true: the calling thread is the owner */

/* Makes the calling thread the owner if nobody writes and nobody waits to write. False: it is not
 * the owner. disk_queue_disown() ends the ownership, and asks for upkeep if nudge is set. */
bool disk_queue_own(struct disk_queue *q);
void disk_queue_disown(struct disk_queue *q, bool nudge);

/* Takes the ownership from a thread that has ended or does nothing more with the connection. */
void disk_queue_own_after(struct disk_queue *q);

/* --- a caller --------------------------------------------------------------------------------- */

/* Call it before any work for a job, and disk_queue_leave() after that work. */
void disk_queue_enter(struct disk_job *job);

/*
 * Waits until the job is done. begun: the caller itself has begun the job; otherwise the job goes
 * to the end of the queue. silence_ms: the longest time without a sign of life of the owner. After
 * that time, a job that was not taken yet ends with -EHOSTDOWN.
 */
void disk_queue_leave(struct disk_queue *q, struct disk_job *job, bool begun, int64_t silence_ms);

/* --- the writer thread ------------------------------------------------------------------------ */

struct disk_turn {
	struct disk_job *jobs; /* the jobs of one transaction; NULL: none */
	bool goes_on;          /* the first job continues with its next step */
	bool nudged;
	bool stop; /* the thread ends after these jobs */
};

/*
 * Waits for jobs, a nudge, the next step of a job, or due_ms (all times by the queue's clock). The
 * calling thread is the owner then. It takes the waiting jobs and, before them, one job whose next
 * step is due. It leaves the waiting jobs that would add more than log_bytes to the log, except the
 * first job.
 */
struct disk_turn disk_queue_take(struct disk_queue *q, int64_t due_ms, uint64_t log_bytes);

/* Ends a turn of the owner. Jobs with `more` wait for their next step. The others belong to their
 * callers again: the owner must not touch them. */
void disk_queue_finish(struct disk_queue *q, struct disk_job *jobs);

/* No next step begins before until_ms. */
void disk_queue_rest(struct disk_queue *q, int64_t until_ms);

#endif
