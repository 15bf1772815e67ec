#ifndef CACHEFS_LOCK_H
#define CACHEFS_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Taken in rising order, never two of one rank; a thread's mask of held ranks asserts it. */
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

/* Whether this thread holds none: asserted before every backend call and wait. */
bool lock_none_held(void);

/* Condition variables on CLOCK_MONOTONIC. */
void condition_init(pthread_cond_t *condition);
void condition_wait(pthread_cond_t *condition, struct lock *lock);
/* Until signalled or the instant (CLOCK_MONOTONIC) has come; false: it has come. */
bool condition_wait_until(pthread_cond_t *condition, struct lock *lock,
			  const struct timespec *deadline);

#endif
