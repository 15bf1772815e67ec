#ifndef CACHEFS_BREAKER_H
#define CACHEFS_BREAKER_H

/*
 * A circuit breaker for a store that may be away (on another machine, in another process). The
 * first call that finds the store away opens the breaker. From then on the breaker refuses calls at
 * once; only a successful probe in the background closes it again. The breaker logs each change of
 * state in one line and knows when the next probe is due. The pause grows after each failed probe,
 * and after each probe that was wrong: a store that answers probes but no calls costs a timeout
 * each time.
 *
 * Each backend owns its breaker, because only the backend knows which answers mean "away" and how
 * to probe. Thread-safe.
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
	atomic_uint round;         /* counts the changes to BREAKER_UP */
	struct lock lock;          /* RANK_LAYER_INNER; guards the rest */
	pthread_cond_t changed;    /* the state, `fell` or `stopped` changed */
	int64_t since_ms;          /* when the state began, by the clock that never jumps */
	int64_t next_ms, pause_ms; /* when the next probe is due; the pause before it */
	bool failed_again;         /* a call of this round failed since the probe began */
	bool fell;                 /* a call opened the breaker since the prober last paused */
	bool stopped;
	char reason[BREAKER_REASON];
};

void breaker_init(struct breaker *b, const char *type, const char *layer_name,
		  const struct time_source *time);
void breaker_fini(struct breaker *b);

/*
 * True if a call may go out. Before the first probe has ended, the function waits for that probe
 * until the instant `patience_ms` of the clock that never jumps (call waiting_begin() before; hold
 * no lock). The caller passes *round to breaker_fail().
 */
bool breaker_enter(struct breaker *b, int64_t patience_ms, unsigned *round);

/*
 * A call of that round found the store away. Ignores calls of earlier rounds. True: the state
 * changed to BREAKER_DOWN, and the prober wakes up. If the state is down already, a failed call of
 * the latest round (the call began before) makes the current probe invalid.
 */
bool breaker_fail(struct breaker *b, unsigned round, const char *reason);

/*
 * The prober reports the begin and the result of a probe, one probe at a time and only while the
 * state is not BREAKER_UP. breaker_probe_succeeded() returns false if a call failed during the
 * probe: the state stays, and a new probe is due at once.
 */
void breaker_probe_begin(struct breaker *b);
void breaker_probe_failed(struct breaker *b, const char *reason);
bool breaker_probe_succeeded(struct breaker *b);

/* Milliseconds until a probe is due; -1: the store is up, so no probe is due. */
int64_t breaker_probe_due(struct breaker *b);

/* The prober waits for pause_ms, or until a call finds the store away (also if that happened since
 * its last pause). False: another thread called breaker_stop(), and the prober ends. */
bool breaker_pause(struct breaker *b, int64_t pause_ms);
void breaker_stop(struct breaker *b);

/* The current state, read without a lock: it may be out of date at once. */
static inline enum breaker_state breaker_is(const struct breaker *b)
{
	return (enum breaker_state)atomic_load(&b->state);
}

/* Returns the state, and writes the reason for BREAKER_DOWN (otherwise "") into a buffer of
 * BREAKER_REASON bytes. */
enum breaker_state breaker_state(struct breaker *b, char *reason);

#endif
