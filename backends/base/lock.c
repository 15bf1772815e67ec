/* Mutexes that know their rank, and condition variables that go with them. See lock.h. */
#include "base/lock.h"

#include <assert.h>
#include <errno.h>
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

static bool may_take(const struct lock *lock)
{
	return held >> lock->rank == 0;
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
	assert(held & rank_bit(lock));
	held &= ~rank_bit(lock);
	checked(pthread_mutex_unlock(&lock->mutex));
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

bool condition_wait_until(pthread_cond_t *condition, struct lock *lock,
			  const struct timespec *deadline)
{
	assert(held == rank_bit(lock));
	held = 0;
	int rc = pthread_cond_timedwait(condition, &lock->mutex, deadline);
	held = rank_bit(lock);
	if (rc == ETIMEDOUT)
		return false;
	checked(rc);
	return true;
}
