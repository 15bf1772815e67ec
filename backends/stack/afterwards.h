#ifndef CACHEFS_AFTERWARDS_H
#define CACHEFS_AFTERWARDS_H

/*
 * Work that a request causes and whose caller need not wait for it (a promotion): it is done by the
 * same thread once the request has been answered. A thread that serves requests collects such work
 * and does it between two of them; in any other thread it is done at once.
 */
#include <stdbool.h>

struct afterwards {
	void (*run)(struct afterwards *work); /* frees it */
	struct afterwards *next;
};

void afterwards_add(struct afterwards *work);

/* Of the calling thread. The work may wait: it calls waiting_begin() before, as requests do. */
void afterwards_collect(bool on);
void afterwards_run(void);

#endif
