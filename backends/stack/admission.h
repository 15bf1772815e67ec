#ifndef CACHEFS_ADMISSION_H
#define CACHEFS_ADMISSION_H

/*
 * Who may change which keys now. Changes of one key are admitted one at a time, in the order they
 * came; otherwise two sets could arrive as A, B in one layer and B, A in the other, for ever. To be
 * admitted is a state, not a lock: nothing is held while the layers work. Reads never come here.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/lock.h"

/* What a change touches: one key, which may be a directory's, or all that begin with a prefix, and
 * the markers of such directories. */
struct admission_span {
	struct key key;
	bool prefix;
};

/* OUT -> IN, when nothing is in the way; else OUT -> WAITS -> IN, or at the deadline -> OUT. */
enum claim_state { CLAIM_OUT, CLAIM_WAITS, CLAIM_IN };

/* One change, on its caller's stack; the keys' bytes stay valid until admission_leave(). */
struct admission_claim {
	struct admission_span spans[2];
	int span_count;
	uint64_t since; /* the user's */
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
 * Waits (after waiting_begin()) until no earlier claim overlaps. 0, or -ETIMEDOUT after a minute:
 * somebody's change hangs; the claim is withdrawn.
 */
int admission_enter(struct admission *a, struct admission_claim *claim);

/* False, and nothing entered, if it would have to wait. */
bool admission_try(struct admission *a, struct admission_claim *claim);

/* Of a claim that is in. */
void admission_leave(struct admission *a, struct admission_claim *claim);

#endif
