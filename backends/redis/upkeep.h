#ifndef CACHEFS_REDIS_UPKEEP_H
#define CACHEFS_REDIS_UPKEEP_H

/*
 * What is nobody's call, in a thread of its own: probing a server that was away, looking how full
 * it is, and slowly bringing the index in line with what other programs did: values without a
 * member get one, members without a value go.
 */

#include "redis/store.h"

int redis_upkeep_start(struct redis *r); /* 0 or -errno */
void redis_upkeep_stop(struct redis *r); /* waits until it has ended, soon */

#endif
