#ifndef CACHEFS_END_H
#define CACHEFS_END_H

/*
 * When something ends: an entry, by what its users have said, or one layer's copy of it.
 *
 * An end that was given as a duration follows the steady clock: it counts the time that passes,
 * whatever is done to the wall clock meanwhile. An end that was given as a moment in Unix time, or
 * by another program, follows the wall clock (time_source.h).
 *
 * One number, `ms * 4 + kind`, so that it can be stored as one and compared as one. All zero is
 * END_NONE.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/time_source.h"

enum end_kind {
	END_NONE,   /* nobody has given one */
	END_NEVER,  /* "never" was given */
	END_STEADY, /* a duration was given: ms of the steady clock */
	END_MOMENT, /* a moment was given: ms since 1970 */
};

struct end {
	int64_t number;
};

/* What no end can say is cut to the latest, or earliest, that one can. */
static inline struct end end_make(enum end_kind kind, int64_t ms)
{
	const int64_t max_ms = INT64_MAX / 8;

	ms = ms > max_ms ? max_ms : ms < -max_ms ? -max_ms : ms;
	return (struct end){ ms * 4 + kind };
}

static inline struct end end_none(void)
{
	return (struct end){ 0 };
}

static inline enum end_kind end_kind(struct end end)
{
	return (enum end_kind)(end.number & 3);
}

/* Milliseconds since 1970, by the end's clock; of an end that is none 0. */
static inline int64_t end_ms(struct end end)
{
	return (end.number - (end.number & 3)) / 4;
}

/* Whether there is an instant at which it comes. */
static inline bool end_comes(struct end end)
{
	return end_kind(end) >= END_STEADY;
}

static inline bool end_equal(struct end a, struct end b)
{
	return a.number == b.number;
}

/* Whether it has come: its instant is `now` or before. */
bool end_is_over(struct end end, struct instant now);

/* Milliseconds until it comes, negative once it is over; INT64_MAX: never. */
int64_t end_left_ms(struct end end, struct instant now);

/* The one that comes first; the one that comes last. Of two that come together: a. */
struct end end_earlier(struct end a, struct end b, struct instant now);
struct end end_later(struct end a, struct end b, struct instant now);

/* As the wall clock will show it if it is not changed any more. Of an end that comes. */
int64_t end_wall_ms(struct end end, struct instant now);

/*
 * What somebody has asked for, before it is an end: as an end, but ms of END_STEADY is a duration,
 * which begins when the value is published. END_NONE: nothing was asked for.
 */
static inline struct end end_of_wish(struct end wish, struct instant now)
{
	return end_kind(wish) == END_STEADY ? end_make(END_STEADY, now.steady_ms + end_ms(wish))
					    : wish;
}

/* A number that was stored: whether it can be an end. */
bool end_number_is_valid(int64_t number);

/*
 * How a store writes ends down. All moments are of the store's wall clock as it was then, for
 * others read them: `expires_ms` is when the copy ends, 0: never, and what another program changes.
 * Who counts from the same boot of the same machine knows by `ahead_ms` what the steady clock said;
 * everybody else goes by the wall clock. All zero: nothing was written down.
 */
struct end_record {
	int64_t expires_ms;
	int64_t copy, own; /* numbers */
	int64_t ahead_ms;  /* by how much the store's wall clock was ahead of CLOCK_BOOTTIME */
	uint64_t boot;     /* time_boot_id() */
};

/* skew_ms: by how much the store's wall clock is ahead of the steady one; time_skew_ms(), if it is
 * this machine's. */
struct end_record end_record_of(struct end copy, struct end own, int64_t skew_ms);

/*
 * Whose ends they are: if `expires_ms` is what was written down with the rest, nobody has changed
 * it, and the rest holds; if it differs somebody else has given the end, and it is the entry's own.
 */
void end_record_read(const struct end_record *record, struct end *copy, struct end *own);
bool end_record_is_valid(const struct end_record *record); /* its numbers are ends */

#endif
