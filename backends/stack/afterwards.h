#ifndef CACHEFS_AFTERWARDS_H
#define CACHEFS_AFTERWARDS_H

/*
 * Work that a request causes, but that its caller need not wait for (a promotion). The same thread
 * does the work after the answer. A thread that serves requests collects such work and does it
 * between two requests; any other thread does it at once.
 */
#include <stdbool.h>

struct afterwards {
	void (*run)(struct afterwards *work); /* frees it */
	struct afterwards *next;
};

void afterwards_add(struct afterwards *work);

/* Both concern the calling thread. The work may wait: it calls waiting_begin() before, as requests
 * do. */
void afterwards_collect(bool on);
void afterwards_run(void);

#endif
