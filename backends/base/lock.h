#ifndef CACHEFS_LOCK_H
#define CACHEFS_LOCK_H

/*
 * Mutexes that know their rank, and condition variables that go with them. A thread takes locks in
 * rising rank, never two of one rank: what it holds is asserted, and a violation names both locks.
 * Thread-safe; nothing here fails.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time_source.h"

enum lock_rank {
	RANK_LOOP,
	RANK_LATE,        /* fs/requests/late.c */
	RANK_CONTENT,     /* one private inode's content */
	RANK_INODES,      /* the inode table and everything in it */
	RANK_ADMISSION,   /* layered: which keys are being changed */
	RANK_LAYER,       /* inside one backend */
	RANK_LAYER_INNER, /* inside one backend, below another lock of it */
	RANK_FILE_LOCKS,
	RANK_NOTIFIER,
	RANK_LOG,
	LOCK_RANKS
};

struct lock {
	pthread_mutex_t mutex;
	enum lock_rank rank;
};

void lock_init(struct lock *lock, enum lock_rank rank);
void lock_fini(struct lock *lock);
void lock_take(struct lock *lock);
bool lock_try(struct lock *lock); /* false: somebody has it */
void lock_release(struct lock *lock);

/* Whether this thread holds it, or at least a lock of its rank: for asserts of *_locked(). */
bool lock_is_held(const struct lock *lock);

/* Whether this thread holds none: asserted before every backend call and wait. */
bool lock_none_held(void);

/* A wait gives the lock back meanwhile, which is the only one that the thread holds. */
void condition_init(pthread_cond_t *condition);
void condition_wait(pthread_cond_t *condition, struct lock *lock);
/* Until signalled or the deadline has come; false: it has come. */
bool condition_wait_until(pthread_cond_t *condition, struct lock *lock,
			  const struct deadline *deadline);

#endif
