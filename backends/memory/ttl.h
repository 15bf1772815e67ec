#ifndef CACHEFS_TTL_H
#define CACHEFS_TTL_H

/* Type "ttl": entries on the heap without limit, that leave when they expire. */

#include "cache.h"

extern const struct backend backend_ttl;

#endif
