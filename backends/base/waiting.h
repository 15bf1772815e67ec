#ifndef CACHEFS_WAITING_H
#define CACHEFS_WAITING_H

#include <stdint.h>

#include "base/time_source.h"

/*
 * A thread that serves requests must let another one serve on before it waits (for a disk, a
 * commit, a lock). Whoever is about to wait calls waiting_begin(); the thread's hook, if it has
 * one, hands over. Calling it more than once for a request costs nothing. The hook takes locks:
 * call it with none held.
 */
void waiting_begin(void);

/*
 * How long this thread may wait: ms, or what is left until its request has to be answered. Every
 * wait of a thread that may serve a request asks, unless it is shorter than a second.
 */
int64_t waiting_at_most(int64_t ms);

/* By when this thread's request has to be answered; NULL: whenever. */
void waiting_set_end(const struct deadline *end);

/* Installs this thread's hook; NULL removes it. */
void waiting_set_hook(void (*hook)(void *self), void *self);

#endif
