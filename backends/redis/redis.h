#ifndef CACHEFS_REDIS_H
#define CACHEFS_REDIS_H

#include "cache.h"

/* A Redis server that other programs may share: see redis/store.h. */
extern const struct backend backend_redis;

#endif
