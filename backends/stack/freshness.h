#ifndef CACHEFS_FRESHNESS_H
#define CACHEFS_FRESHNESS_H

/*
 * When a key was last seen in a layer that other programs write, so that a copy in a faster layer
 * is compared with it once in a while and not at each get. A table of fixed size that keys share:
 * one that was crowded out is looked at again sooner than it had to be. Instants are of the layer's
 * clock that never jumps, in milliseconds. Thread-safe, no locks.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/key_numbers.h"

struct freshness {
	int64_t period_ms;       /* how long a look is good for; 0: not at all */
	struct key_numbers seen; /* milliseconds, which start over after 49 days */
};

int freshness_init(struct freshness *f, int64_t period_ms); /* 0 or -ENOMEM */
void freshness_fini(struct freshness *f);

/* It was there at an instant of the last weeks. */
void freshness_note(struct freshness *f, struct key key, int64_t at_ms);
void freshness_forget(struct freshness *f, struct key key); /* it is not there */

/* Whether it is time to look again, the last time being *last_ms, which it moves. */
bool freshness_turn(atomic_int_fast64_t *last_ms, int64_t period_ms, int64_t now_ms);

/* Whether the key has to be looked at; *seen_ms: when it is known to have been there; 0: it is not.
 */
bool freshness_is_due(const struct freshness *f, struct key key, int64_t now_ms, int64_t *seen_ms);

#endif
