/* The waiting jobs, and the owner of the connection for writing. See disk/queue.h. */
#include "disk/queue.h"

#include <assert.h>
#include <errno.h>

void disk_queue_init(struct disk_queue *q, const struct time_source *time,
		     atomic_uint_fast64_t *life)
{
	*q = (struct disk_queue){
		.time = time, .life = life, .owned = true, .owner = pthread_self()
	};
	lock_init(&q->lock, RANK_LAYER);
	condition_init(&q->work);
}

void disk_queue_fini(struct disk_queue *q)
{
	assert(!q->waiting.first && !q->going.first);
	pthread_cond_destroy(&q->work);
	lock_fini(&q->lock);
}

/* --- lists of jobs ---------------------------------------------------------------------------- */

static void append(struct disk_jobs *jobs, struct disk_job *job)
{
	assert(!jobs->first == !jobs->last && !job->done);
	job->next = NULL;
	if (jobs->last)
		jobs->last->next = job;
	else
		jobs->first = job;
	jobs->last = job;
}

static struct disk_job *take_first(struct disk_jobs *jobs)
{
	struct disk_job *job = jobs->first;

	jobs->first = job->next;
	if (!jobs->first)
		jobs->last = NULL;
	job->next = NULL;
	return job;
}

/* False: it is not in there. */
static bool withdraw(struct disk_jobs *jobs, const struct disk_job *job)
{
	struct disk_job *previous = NULL;

	for (struct disk_job *j = jobs->first; j; previous = j, j = j->next) {
		if (j != job)
			continue;
		if (previous)
			previous->next = j->next;
		else
			jobs->first = j->next;
		if (jobs->last == j)
			jobs->last = previous;
		return true;
	}
	return false;
}

/* --- the owner -------------------------------------------------------------------------------- */

bool disk_queue_is_owner(const struct disk_queue *q)
{
	return q->owned && pthread_equal(q->owner, pthread_self());
}

static void own_locked(struct disk_queue *q)
{
	assert(lock_is_held(&q->lock) && !q->owned);
	q->owned = true;
	q->owner = pthread_self();
}

bool disk_queue_own(struct disk_queue *q)
{
	lock_take(&q->lock);
	bool free = !q->owned && !q->thread_waits && !q->waiting.first && !q->nudged && !q->stop;
	if (free)
		own_locked(q);
	lock_release(&q->lock);
	return free;
}

void disk_queue_disown(struct disk_queue *q, bool nudge)
{
	lock_take(&q->lock);
	assert(disk_queue_is_owner(q));
	q->owned = false;
	q->nudged |= nudge;
	if (q->waiting.first || q->going.first || q->thread_waits || q->nudged)
		pthread_cond_signal(&q->work);
	lock_release(&q->lock);
}

void disk_queue_own_after(struct disk_queue *q)
{
	lock_take(&q->lock);
	assert(q->owned);
	q->owner = pthread_self();
	lock_release(&q->lock);
}

void disk_queue_nudge(struct disk_queue *q)
{
	lock_take(&q->lock);
	q->nudged = true;
	pthread_cond_signal(&q->work);
	lock_release(&q->lock);
}

void disk_queue_stop(struct disk_queue *q)
{
	lock_take(&q->lock);
	q->stop = true;
	pthread_cond_signal(&q->work);
	lock_release(&q->lock);
}

/* --- a caller --------------------------------------------------------------------------------- */

void disk_queue_enter(struct disk_job *job)
{
	job->done = false;
	job->next = NULL;
	condition_init(&job->finished);
}

/* To the end of the queue, unless it has begun already. */
static void queue_locked(struct disk_queue *q, struct disk_job *job)
{
	assert(lock_is_held(&q->lock));
	if (!q->waiting.first && !q->owned)
		pthread_cond_signal(&q->work);
	append(&q->waiting, job);
}

/* True: whoever owns the connection has done something since *life. */
static bool is_alive(const struct disk_queue *q, uint64_t *life)
{
	uint64_t before = *life;

	*life = atomic_load(q->life);
	return *life != before;
}

static void wait_locked(struct disk_queue *q, struct disk_job *job, int64_t silence_ms)
{
	struct deadline deadline = deadline_in(q->time, silence_ms);
	uint64_t life = atomic_load(q->life);

	assert(lock_is_held(&q->lock));
	while (!job->done) {
		if (condition_wait_until(&job->finished, &q->lock, &deadline) || job->done)
			continue;
		if (is_alive(q, &life)) {
			deadline = deadline_in(q->time, silence_ms);
		} else if (withdraw(&q->waiting, job)) {
			job->rc = -EHOSTDOWN;
			break;
		} else { /* it is taken: the outcome would be unknown */
			condition_wait(&job->finished, &q->lock);
		}
	}
}

void disk_queue_leave(struct disk_queue *q, struct disk_job *job, bool begun, int64_t silence_ms)
{
	lock_take(&q->lock);
	if (!begun)
		queue_locked(q, job);
	wait_locked(q, job, silence_ms);
	lock_release(&q->lock);
	pthread_cond_destroy(&job->finished);
}

/* --- the writer thread ------------------------------------------------------------------------ */

/* The jobs of one transaction: the one that goes on, if any, must not find the time of the
 * transaction used up. */
static struct disk_job *take_jobs_locked(struct disk_queue *q, bool goes_on, uint64_t log_bytes)
{
	struct disk_jobs jobs = { 0 };
	uint64_t bytes = 0;

	assert(lock_is_held(&q->lock));
	if (goes_on)
		append(&jobs, take_first(&q->going));
	while (q->waiting.first) {
		bytes += q->waiting.first->log_bytes;
		if (jobs.first && bytes > log_bytes)
			break;
		append(&jobs, take_first(&q->waiting));
	}
	return jobs.first;
}

/* Until there is something to do and nobody owns the connection. Returns what time it is. */
static int64_t await_turn_locked(struct disk_queue *q, int64_t due_ms)
{
	assert(lock_is_held(&q->lock));
	for (;;) {
		int64_t now = time_mono_ms(q->time);
		int64_t at_ms = q->going.first && q->going_ms < due_ms ? q->going_ms : due_ms;
		bool wanted = at_ms <= now || q->waiting.first || q->stop || q->nudged;
		q->thread_waits = q->owned && wanted;
		if (!q->owned && wanted)
			return now;
		struct deadline deadline = { .time = q->time, .at_ms = at_ms };
		if (wanted)
			condition_wait(&q->work, &q->lock);
		else
			condition_wait_until(&q->work, &q->lock, &deadline);
	}
}

struct disk_turn disk_queue_take(struct disk_queue *q, int64_t due_ms, uint64_t log_bytes)
{
	struct disk_turn turn;

	lock_take(&q->lock);
	int64_t now = await_turn_locked(q, due_ms);
	own_locked(q);
	turn.goes_on = q->going.first && (now >= q->going_ms || q->stop);
	turn.jobs = take_jobs_locked(q, turn.goes_on, log_bytes);
	turn.nudged = q->nudged;
	turn.stop = q->stop && !q->going.first && !q->waiting.first;
	q->nudged = false;
	lock_release(&q->lock);
	return turn;
}

/* A job is its caller's again, and gone, as soon as the lock is released. */
void disk_queue_finish(struct disk_queue *q, struct disk_job *jobs)
{
	assert(disk_queue_is_owner(q));
	lock_take(&q->lock);
	for (struct disk_job *job = jobs, *next; job; job = next) {
		assert(!job->done);
		next = job->next;
		if (job->more) {
			job->more = false;
			append(&q->going, job);
			continue;
		}
		job->done = true;
		pthread_cond_signal(&job->finished);
	}
	lock_release(&q->lock);
	atomic_fetch_add(q->life, 1);
}

void disk_queue_rest(struct disk_queue *q, int64_t until_ms)
{
	lock_take(&q->lock);
	q->going_ms = until_ms;
	lock_release(&q->lock);
}
