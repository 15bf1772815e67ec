#ifndef CACHEFS_LAYER_GATE_H
#define CACHEFS_LAYER_GATE_H

/*
 * A layer itself, for the files that the gate is divided into: layer.c, the operations; layer_call,
 * how calls are timed and counted; layer_check, whether what stores say can be; layer_trust.c, what
 * it missed; layer_tell.c, how it is told; layer_room.c, what it has no room for. See layer.h.
 */

#include <assert.h>
#include <stdatomic.h>

#include "stack/freshness.h"
#include "stack/layer.h"
#include "base/lock.h"

enum counter {
	COUNT_GET,
	COUNT_HIT,
	COUNT_MISS,
	COUNT_SET,
	COUNT_REMOVE,
	COUNT_PROMOTION,
	COUNTERS
};

/* The calls of one operation; the bucket is all the counting that a call needs beside its time. */
struct call_counters {
	atomic_uint_fast64_t by_latency[LAYER_LATENCIES], total_ns, errors;
	atomic_bool failing; /* said in the log */
};

enum { LAYER_DAMAGED_KEYS = 64 };

/* A set that the layer refused for want of space. */
struct refusal {
	atomic_bool holds;
	atomic_uint_fast64_t size;    /* of the value */
	atomic_uint_fast64_t free;    /* what its disk had then */
	atomic_int_fast64_t until_ms; /* by the layer's clock that never jumps: then try again */
};

struct layer {
	const struct layer_spec *spec;
	const struct backend *backend;
	void *state;
	struct backend_env env;
	struct layer_events events;
	atomic_uint_fast64_t counters[COUNTERS];
	struct call_counters calls[LAYER_OPERATIONS];
	struct refusal refusal;
	struct debts *debts;
	struct freshness freshness; /* if the backend can revalidate */
	atomic_int_fast64_t caught_up_ms;
	atomic_int_fast64_t settled_ms; /* that a key was there before says nothing of it now */
	atomic_uint_fast64_t damaged[LAYER_DAMAGED_KEYS]; /* hashes of keys complained of */
};

/* At the beginning of an operation on a key, or a directory. */
static inline void layer_enter(struct key key)
{
	assert(key_is_valid(key));
	assert(lock_none_held());
	(void)key;
}

static inline void layer_enter_dir(struct key dir)
{
	assert(dir.size <= KEY_MAX);
	assert(lock_none_held());
	(void)dir;
}

/* --- room: layer_room.c ----------------------------------------------------------------------- */

/* A set of that size came to rc. */
void layer_note_set(struct layer *l, uint64_t size, int rc);

/* --- trust: layer_trust.c --------------------------------------------------------------------- */

/* Whether it missed something that the rename of a directory would carry along, or meet. */
bool layer_missed_within(struct layer *l, struct key dir);

#endif
