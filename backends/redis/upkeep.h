#ifndef CACHEFS_REDIS_UPKEEP_H
#define CACHEFS_REDIS_UPKEEP_H

/*
 * The work that no caller asks for, in a thread of its own: it probes a server that was away,
 * measures how full the server is, and slowly updates the index after the changes of other
 * programs. Values without a member get one; members without a value are removed.
 */

#include "redis/store.h"

int redis_upkeep_start(struct redis *r); /* 0 or -errno */
void redis_upkeep_stop(struct redis *r); /* waits for the end of the thread, which comes soon */

#endif
