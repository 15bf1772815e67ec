#ifndef CACHEFS_NOOP_H
#define CACHEFS_NOOP_H

/* Type "noop": accepts and forgets: a set succeeds, every get misses. */

#include "cache.h"

extern const struct backend backend_noop;

#endif
