#ifndef CACHEFS_DISK_QUEUE_H
#define CACHEFS_DISK_QUEUE_H

/*
 * Who writes when: the jobs that wait, and who owns the connection for writing. One thread at a
 * time owns it: the writer thread, or a caller that finds nobody writing or waiting to. What
 * belongs to the owner needs no lock; disk_queue_is_owner() is asserted by whoever touches it.
 *
 * A job of several steps goes to the end of a queue of its own after each, and rests a while before
 * the next: the database's lock is free then for other programs, which may only try for it now and
 * then.
 *
 * Thread-safe. Nothing below calls upwards: the writer thread waits in disk_queue_take(), and does
 * what the nudge of anybody asks for.
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
	atomic_uint_fast64_t *life;     /* moves while the owner does something; borrowed */
	struct lock lock;               /* RANK_LAYER; guards the queue fields of jobs, and: */
	pthread_cond_t work;
	struct disk_jobs waiting;
	struct disk_jobs going; /* those whose next step is to come */
	int64_t going_ms;       /* not before then: others wait for the database's lock */
	bool stop, nudged;
	bool thread_waits; /* for the connection: nobody else takes it first */
	bool owned;        /* somebody uses the connection: */
	pthread_t owner;
};

/* The calling thread is the owner. */
void disk_queue_init(struct disk_queue *q, const struct time_source *time,
		     atomic_uint_fast64_t *life);
void disk_queue_fini(struct disk_queue *q); /* no job is in it */

/* There is upkeep to do for the writer thread. With no lock of RANK_LAYER or later held. */
void disk_queue_nudge(struct disk_queue *q);

/* The writer thread ends when nothing is left in the queue. */
void disk_queue_stop(struct disk_queue *q);

/* --- the owner -------------------------------------------------------------------------------- */

bool disk_queue_is_owner(const struct disk_queue *q); /* the calling thread */

/* Nobody writes and nobody waits to: the calling thread is the owner. False: it is not. */
bool disk_queue_own(struct disk_queue *q);
void disk_queue_disown(struct disk_queue *q, bool nudge);

/* From the owner, which has ended or does nothing more, to the calling thread. */
void disk_queue_own_after(struct disk_queue *q);

/* --- a caller --------------------------------------------------------------------------------- */

/* Around all that is done for a job. */
void disk_queue_enter(struct disk_job *job);

/*
 * Waits until the job is done; begun: it has been by the caller itself, otherwise it goes to the
 * end of the queue. silence_ms: what the owner may need without a sign of life; after that a job
 * that was not taken yet ends with -EHOSTDOWN.
 */
void disk_queue_leave(struct disk_queue *q, struct disk_job *job, bool begun, int64_t silence_ms);

/* --- the writer thread ------------------------------------------------------------------------ */

struct disk_turn {
	struct disk_job *jobs; /* of one transaction; NULL: none */
	bool goes_on;          /* the first of them is one of several steps */
	bool nudged;
	bool stop; /* after these */
};

/*
 * Waits for jobs, a nudge, the next step of one that goes on, or due_ms (by the queue's clock, as
 * all here): the calling thread is the owner then. It takes the jobs there are, before them one
 * that goes on if it is time; and no more after the first than add log_bytes to the log.
 */
struct disk_turn disk_queue_take(struct disk_queue *q, int64_t due_ms, uint64_t log_bytes);

/* The owner has done these: those with `more` go on later, the others are their callers' again, and
 * gone. */
void disk_queue_finish(struct disk_queue *q, struct disk_job *jobs);

/* No next step begins before then. */
void disk_queue_rest(struct disk_queue *q, int64_t until_ms);

#endif
