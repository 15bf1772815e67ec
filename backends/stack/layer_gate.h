#ifndef CACHEFS_LAYER_GATE_H
#define CACHEFS_LAYER_GATE_H

/*
 * struct layer, for the files that call backends: layer.c (the operations), layer_call (times and
 * counts calls), layer_check (checks what stores answer), layer_trust.c (records the changes that a
 * layer missed), layer_tell.c (applies those changes), layer_room.c (remembers which sets found no
 * space). See layer.h.
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

/* The calls of one operation. A call adds to total_ns and to one bucket; no other counter is
 * needed. */
struct call_counters {
	atomic_uint_fast64_t by_latency[LAYER_LATENCIES], total_ns, errors;
	atomic_bool failing; /* a failure was logged, and no call succeeded since */
};

enum { LAYER_DAMAGED_KEYS = 64 };

/* The last set that the layer refused for want of space. */
struct refusal {
	atomic_bool holds;
	atomic_uint_fast64_t size;    /* of the value */
	atomic_uint_fast64_t free;    /* the bytes that its disk had free then */
	atomic_int_fast64_t until_ms; /* monotonic time from which to try again */
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
	atomic_int_fast64_t settled_ms; /* sightings of keys up to then say nothing of now */
	/* hashes of keys whose damage was logged */
	atomic_uint_fast64_t damaged[LAYER_DAMAGED_KEYS];
};

/* Checks at the beginning of an operation on a key, or a directory. */
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

/* Records that the set of a value of this size returned rc. */
void layer_note_set(struct layer *l, uint64_t size, int rc);

/* --- trust: layer_trust.c --------------------------------------------------------------------- */

/* True if the layer missed a change that a rename of the directory, or one to it, must not meet. */
bool layer_missed_within(struct layer *l, struct key dir);

#endif
