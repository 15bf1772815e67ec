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

enum breaker_state {
	BREAKER_UNKNOWN, /* no probe has ended yet */
	BREAKER_UP,
	BREAKER_DOWN,
};

enum { BREAKER_REASON = 160 };

struct breaker {
	const char *type, *layer_name; /* for the log; borrowed */
	atomic_int state;              /* enum breaker_state; written under the lock */
	atomic_uint round;             /* counts how often it came up */
	struct lock lock;              /* RANK_LAYER_INNER; guards the rest */
	pthread_cond_t verdict;        /* the first probe has ended */
	int64_t since_ms;              /* CLOCK_MONOTONIC, of the state */
	int64_t next_ms, pause_ms;     /* when the next probe is due; the pause before it */
	bool failed_again;             /* a call of this round, since the probe began */
	char reason[BREAKER_REASON];
};

void breaker_init(struct breaker *b, const char *type, const char *layer_name);
void breaker_fini(struct breaker *b);

/*
 * Whether a call may go out. While the first probe is under way it waits (call waiting_begin()
 * before; no lock held) until the instant `patience_ms` of CLOCK_MONOTONIC. *round is to be handed
 * to breaker_fail().
 */
bool breaker_enter(struct breaker *b, int64_t patience_ms, unsigned *round);

/*
 * The store is away, says a call of that round; what an earlier round's call found out is no news.
 * True: the state changed, so the prober has something to do. While it is down already, a call of
 * the latest round (one that had begun before) makes the probe that is under way worth nothing.
 */
bool breaker_fail(struct breaker *b, unsigned round, const char *reason);

/* A probe begins; and what it found. succeeded() returns false if a call failed meanwhile: then the
 * store stays down, and a probe is due at once. */
void breaker_probe_begin(struct breaker *b);
void breaker_probe_failed(struct breaker *b, const char *reason);
bool breaker_probe_succeeded(struct breaker *b);

/* Milliseconds until a probe is due; -1: none is, it is up. */
int64_t breaker_probe_due(struct breaker *b);

/* The state, and why it is down ("" otherwise) into a buffer of BREAKER_REASON bytes. */
enum breaker_state breaker_state(struct breaker *b, char *reason);

#endif
