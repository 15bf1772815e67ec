#ifndef CACHEFS_WAITING_H
#define CACHEFS_WAITING_H

#include <stdint.h>

#include "base/time_source.h"

/*
 * A thread that serves requests must let another thread serve before it waits (for a disk, a
 * commit, a lock). The thread calls waiting_begin() before each wait; its hook, if it has one,
 * hands over to another thread. Further calls for the same request cost nothing. The hook takes
 * locks: call this function with no lock held.
 */
void waiting_begin(void);

/*
 * Returns how long this thread may wait: the lesser of ms and the time left for its request. A
 * thread that may serve a request asks before every wait, unless the wait is shorter than a second.
 */
int64_t waiting_at_most(int64_t ms);

/* Sets the deadline for the answer to this thread's request; NULL: none. */
void waiting_set_end(const struct deadline *end);

/* Installs this thread's hook; NULL removes it. */
void waiting_set_hook(void (*hook)(void *self), void *self);

#endif
