#ifndef CACHEFS_MEMORY_H
#define CACHEFS_MEMORY_H

/* Type "memory": entries on the heap, the least recently used evicted first. */

#include "cache.h"

extern const struct backend backend_memory;

#endif
