#ifndef CACHEFS_FRESHNESS_H
#define CACHEFS_FRESHNESS_H

/*
 * Records when a key was last seen in a layer that other programs write, so that a copy in a faster
 * layer is compared with that layer once in a while and not at each get. Keys share a table of
 * fixed size: a key whose slot another key took is compared sooner than necessary. Instants are
 * milliseconds of the layer's monotonic clock. Thread-safe, takes no lock.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/key_numbers.h"

struct freshness {
	int64_t period_ms;       /* how long a comparison counts; 0: not at all */
	struct key_numbers seen; /* milliseconds, which start over after 49 days */
};

int freshness_init(struct freshness *f, int64_t period_ms); /* 0 or -ENOMEM */
void freshness_fini(struct freshness *f);

/* The key was in the layer at that instant, which is of the last weeks. */
void freshness_note(struct freshness *f, struct key key, int64_t at_ms);
void freshness_forget(struct freshness *f, struct key key); /* the key is not in the layer */

/* True if period_ms have passed since *last_ms, which is then set to now_ms; period_ms 0:
 * always. */
bool freshness_turn(atomic_int_fast64_t *last_ms, int64_t period_ms, int64_t now_ms);

/* True if it is time to compare the key again. *seen_ms: when it was last seen in the layer; 0:
 * unknown. */
bool freshness_is_due(const struct freshness *f, struct key key, int64_t now_ms, int64_t *seen_ms);

#endif
