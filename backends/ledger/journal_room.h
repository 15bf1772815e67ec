#ifndef CACHEFS_JOURNAL_ROOM_H
#define CACHEFS_JOURNAL_ROOM_H

/*
 * The bytes that the journal holds, their limit, and the wait for room. A change is counted after
 * its commit, so several sets at once may exceed the limit by their sizes. Thread-safe; call with
 * no lock held.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/lock.h"
#include "base/time_source.h"

struct journal_room {
	const struct time_source *time;
	int64_t max_bytes;
	atomic_int_fast64_t entries, directories; /* written with the lock held */
	struct lock lock;                         /* RANK_LAYER; guards: */
	pthread_cond_t freed;
	int64_t bytes;
	bool ending; /* nobody waits */
};

void journal_room_init(struct journal_room *r, const struct time_source *time, uint64_t max_bytes);
void journal_room_fini(struct journal_room *r);

/* The bytes of the limit that a row with a value of this size takes; a marker has size 0. */
int64_t journal_cost(struct key key, uint64_t size);

/* Adds to the amounts; a negative number subtracts. */
void journal_room_add(struct journal_room *r, int64_t entries, int64_t directories, int64_t bytes);

bool journal_room_is_empty(const struct journal_room *r);
uint64_t journal_room_bytes(struct journal_room *r);

/* Checks if so many bytes fit. 0: yes; -ENOSPC: not now; -EFBIG: never. */
int journal_room_check(struct journal_room *r, int64_t need);

/* Waits until the bytes fit. -ENOSPC: not in time. */
int journal_room_wait(struct journal_room *r, int64_t need, const struct deadline *deadline);

/* Waits a part of that time, for a caller that has to look again. False: the time is over. */
bool journal_room_await(struct journal_room *r, const struct deadline *deadline);

/* From now on nobody waits. */
void journal_room_ending(struct journal_room *r);

#endif
