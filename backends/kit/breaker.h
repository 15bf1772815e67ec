#ifndef CACHEFS_BREAKER_H
#define CACHEFS_BREAKER_H

/*
 * A circuit breaker: whether a store that can be away (another machine's, another process's) is
 * there. The first call that finds it away opens the breaker; from then on calls are refused at
 * once, and only whoever probes the store in the background closes it again. It logs each change of
 * state in one line and knows when the next probe is due: later after each that failed, and after
 * each that was wrong, for a store that answers probes and no calls costs every one of its returns
 * a timeout.
 *
 * A backend owns one, because only it knows which answers mean "away" and how to probe.
 * Thread-safe.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/time_source.h"

/*
 *  UNKNOWN --probe--> UP <--probe-- DOWN <--probe-- UNKNOWN
 *                      '----call----^
 */
enum breaker_state {
	BREAKER_UNKNOWN, /* no probe has ended yet */
	BREAKER_UP,
	BREAKER_DOWN,
};

enum { BREAKER_REASON = 160 };

struct breaker {
	const char *type, *layer_name; /* for the log; borrowed */
	const struct time_source *time;
	atomic_int state;          /* enum breaker_state; written under the lock */
	atomic_uint round;         /* counts how often it came up */
	struct lock lock;          /* RANK_LAYER_INNER; guards the rest */
	pthread_cond_t changed;    /* the state, fell or stopped */
	int64_t since_ms;          /* of the state, by the clock that never jumps */
	int64_t next_ms, pause_ms; /* when the next probe is due; the pause before it */
	bool failed_again;         /* a call of this round, since the probe began */
	bool fell;                 /* by a call, since the prober last paused */
	bool stopped;
	char reason[BREAKER_REASON];
};

void breaker_init(struct breaker *b, const char *type, const char *layer_name,
		  const struct time_source *time);
void breaker_fini(struct breaker *b);

/*
 * Whether a call may go out. While the first probe is under way it waits (call waiting_begin()
 * before; no lock held) until the instant `patience_ms` of the clock that never jumps. *round is to
 * be handed to breaker_fail().
 */
bool breaker_enter(struct breaker *b, int64_t patience_ms, unsigned *round);

/*
 * The store is away, says a call of that round; what an earlier round's call found out is no news.
 * True: the state changed, and the prober wakes up. While it is down already, a call of
 * the latest round (one that had begun before) makes the probe that is under way worth nothing.
 */
bool breaker_fail(struct breaker *b, unsigned round, const char *reason);

/* A probe begins, one at a time and while it is not up; and what it found. succeeded() returns
 * false if a call failed meanwhile: then the store stays as it was, and a probe is due at once. */
void breaker_probe_begin(struct breaker *b);
void breaker_probe_failed(struct breaker *b, const char *reason);
bool breaker_probe_succeeded(struct breaker *b);

/* Milliseconds until a probe is due; -1: none is, it is up. */
int64_t breaker_probe_due(struct breaker *b);

/* The prober waits for so long, or until a call finds the store away (also since its last pause).
 * False: it was told to end, by breaker_stop() of another thread. */
bool breaker_pause(struct breaker *b, int64_t pause_ms);
void breaker_stop(struct breaker *b);

/* The state as it was a moment ago. Takes no lock. */
static inline enum breaker_state breaker_is(const struct breaker *b)
{
	return (enum breaker_state)atomic_load(&b->state);
}

/* The state, and why it is down ("" otherwise) into a buffer of BREAKER_REASON bytes. */
enum breaker_state breaker_state(struct breaker *b, char *reason);

#endif
