/* Mutexes with a rank, and condition variables for them. See lock.h. */
#include "base/lock.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

/* One bit per rank that this thread holds. */
static _Thread_local unsigned held;

static unsigned rank_bit(const struct lock *lock)
{
	return 1U << lock->rank;
}

static void checked(int rc)
{
	assert(rc == 0);
	(void)rc;
}

static const char *const rank_names[LOCK_RANKS] = {
	[RANK_LOOP] = "the request loop",
	[RANK_LATE] = "late requests",
	[RANK_CONTENT] = "an inode's content",
	[RANK_INODES] = "the inode table",
	[RANK_ADMISSION] = "admission",
	[RANK_LAYER] = "a layer",
	[RANK_LAYER_INNER] = "a layer's inner lock",
	[RANK_FILE_LOCKS] = "file locks",
	[RANK_NOTIFIER] = "the notifier",
	[RANK_LOG] = "the log",
};

/* In rising order. Without the log: it takes a lock itself. */
static bool may_take(const struct lock *lock)
{
	if (held >> lock->rank == 0)
		return true;
	for (int rank = LOCK_RANKS - 1; rank >= (int)lock->rank; rank--)
		if (held >> rank & 1)
			fprintf(stderr,
				"cachefs: bug: takes the lock of %s while it holds that of %s\n",
				rank_names[lock->rank], rank_names[rank]);
	return false;
}

void lock_init(struct lock *lock, enum lock_rank rank)
{
	checked(pthread_mutex_init(&lock->mutex, NULL));
	lock->rank = rank;
}

void lock_fini(struct lock *lock)
{
	checked(pthread_mutex_destroy(&lock->mutex));
}

void lock_take(struct lock *lock)
{
	assert(may_take(lock));
	checked(pthread_mutex_lock(&lock->mutex));
	held |= rank_bit(lock);
}

bool lock_try(struct lock *lock)
{
	assert(may_take(lock));
	int rc = pthread_mutex_trylock(&lock->mutex);
	if (rc == EBUSY)
		return false;
	checked(rc);
	held |= rank_bit(lock);
	return true;
}

void lock_release(struct lock *lock)
{
	assert(lock_is_held(lock));
	held &= ~rank_bit(lock);
	checked(pthread_mutex_unlock(&lock->mutex));
}

bool lock_is_held(const struct lock *lock)
{
	return held & rank_bit(lock);
}

bool lock_none_held(void)
{
	return held == 0;
}

void condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	checked(pthread_condattr_init(&attributes));
	checked(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
	checked(pthread_cond_init(condition, &attributes));
	checked(pthread_condattr_destroy(&attributes));
}

void condition_wait(pthread_cond_t *condition, struct lock *lock)
{
	assert(held == rank_bit(lock)); /* nobody may wait for us behind another lock */
	held = 0;
	checked(pthread_cond_wait(condition, &lock->mutex));
	held = rank_bit(lock);
}

/* What another clock than the system's says changes without a wait: it is looked at this often. */
enum { LOOK_MS = 2 };

static struct timespec system_instant(const struct deadline *deadline)
{
	int64_t ms = deadline->at_ms;

	if (deadline->time != &time_system)
		ms = time_mono_ms(&time_system) + (deadline_left_ms(deadline) > 0 ? LOOK_MS : 0);
	if (ms < 0)
		ms = 0;
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000 * 1000 };
}

bool condition_wait_until(pthread_cond_t *condition, struct lock *lock,
			  const struct deadline *deadline)
{
	int rc;

	assert(held == rank_bit(lock));
	held = 0;
	do {
		struct timespec until = system_instant(deadline);
		rc = pthread_cond_timedwait(condition, &lock->mutex, &until);
	} while (rc == ETIMEDOUT && deadline_left_ms(deadline) > 0);
	held = rank_bit(lock);
	if (rc == ETIMEDOUT)
		return false;
	checked(rc);
	return true;
}
