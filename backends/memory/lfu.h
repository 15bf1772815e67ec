#ifndef CACHEFS_LFU_H
#define CACHEFS_LFU_H

/* Type "lfu": entries on the heap, the least frequently used evicted first; counts age. */

#include "cache.h"

extern const struct backend backend_lfu;

#endif
