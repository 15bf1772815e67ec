#ifndef CACHEFS_ADMISSION_H
#define CACHEFS_ADMISSION_H

/*
 * Admits changes of keys. Changes of one key are admitted one at a time, in order of arrival;
 * otherwise two sets A and B could reach one layer as A, B and another as B, A, and the layers
 * would differ for ever. Admission is a state, not a lock: no lock is held while the layers work.
 * Reads are not admitted.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/lock.h"

/* The keys of a change: one key, which may be a directory's, or all keys that begin with a prefix
 * and the markers of such directories. */
struct admission_span {
	struct key key;
	bool prefix;
};

/* OUT -> IN, if no earlier claim overlaps; else OUT -> WAITS -> IN, or at the deadline WAITS ->
 * OUT. */
enum claim_state { CLAIM_OUT, CLAIM_WAITS, CLAIM_IN };

/* One change, on its caller's stack; the bytes of its keys stay valid until admission_leave(). */
struct admission_claim {
	struct admission_span spans[2];
	int span_count;
	uint64_t since; /* for the caller alone */
	/* admission's own: */
	enum claim_state state;
	struct admission_claim *next, *previous;
	pthread_cond_t changed; /* while it waits */
};

struct admission {
	const struct time_source *time;
	struct lock lock;
	struct admission_claim *first, *last; /* in order of arrival */
};

void admission_init(struct admission *a, const struct time_source *time); /* which outlives it */
void admission_fini(struct admission *a);

/*
 * Waits (after waiting_begin()) until no earlier claim overlaps. 0, or -ETIMEDOUT after a minute,
 * because an earlier change hangs: the claim is withdrawn.
 */
int admission_enter(struct admission *a, struct admission_claim *claim);

/* Admits the claim. False, and nothing admitted, if it would have to wait. */
bool admission_try(struct admission *a, struct admission_claim *claim);

/* Ends a claim that is IN. */
void admission_leave(struct admission *a, struct admission_claim *claim);

#endif
