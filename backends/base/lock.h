#ifndef CACHEFS_LOCK_H
#define CACHEFS_LOCK_H

/*
 * Mutexes with a rank, and condition variables for them. A thread takes locks in rising rank, never
 * two of one rank. An assert checks the rule and names both locks of a violation. Thread-safe; no
 * function fails.
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
bool lock_try(struct lock *lock); /* false: another thread has the lock */
void lock_release(struct lock *lock);

/* True if this thread holds the lock, or another lock of its rank: for asserts of *_locked(). */
bool lock_is_held(const struct lock *lock);

/* True if this thread holds no lock: asserted before every backend call and wait. */
bool lock_none_held(void);

/* A wait releases the lock until the wait ends. The thread must hold no other lock. */
void condition_init(pthread_cond_t *condition);
void condition_wait(pthread_cond_t *condition, struct lock *lock);
/* Waits for a signal or the deadline. False: the deadline has come. */
bool condition_wait_until(pthread_cond_t *condition, struct lock *lock,
			  const struct deadline *deadline);

#endif
