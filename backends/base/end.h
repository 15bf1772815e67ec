#ifndef CACHEFS_END_H
#define CACHEFS_END_H

/*
 * The end of an entry, as its users gave it, or the end of one layer's copy of an entry.
 *
 * An end that was given as a duration follows the steady clock: changes of the wall clock do not
 * matter. An end that was given as a moment in Unix time, or by another program, follows the wall
 * clock (time_source.h).
 *
 * An end is one number, `ms * 4 + kind`, so that stores can keep and compare it as one number. All
 * zero is END_NONE.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/time_source.h"

enum end_kind {
	END_NONE,   /* no end was given */
	END_NEVER,  /* "never" was given */
	END_STEADY, /* a duration was given: ms of the steady clock */
	END_MOMENT, /* a moment was given: ms since 1970 */
};

struct end {
	int64_t number;
};

/* Makes an end. Cuts ms to the latest or earliest time that an end can hold. */
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

/* Milliseconds since 1970, by the end's clock. 0 for END_NONE and END_NEVER. */
static inline int64_t end_ms(struct end end)
{
	return (end.number - (end.number & 3)) / 4;
}

/* True if the end has an instant: END_STEADY or END_MOMENT. */
static inline bool end_comes(struct end end)
{
	return end_kind(end) >= END_STEADY;
}

static inline bool end_equal(struct end a, struct end b)
{
	return a.number == b.number;
}

/* True if the instant of the end is `now` or before. */
bool end_is_over(struct end end, struct instant now);

/* Milliseconds from now until the end; negative after the end; INT64_MAX: never. */
int64_t end_left_ms(struct end end, struct instant now);

/* The earlier of two ends; the later of two ends. Of two ends at the same instant: a. */
struct end end_earlier(struct end a, struct end b, struct instant now);
struct end end_later(struct end a, struct end b, struct instant now);

/* What the wall clock will show at the end if nobody changes the clock until then. Only for an end
 * that has an instant. */
int64_t end_wall_ms(struct end end, struct instant now);

/* Turns a wish into an end. A wish is an end, but the ms of END_STEADY are a duration that begins
 * when the value is published. END_NONE: the user asked for nothing. */
static inline struct end end_of_wish(struct end wish, struct instant now)
{
	return end_kind(wish) == END_STEADY ? end_make(END_STEADY, now.steady_ms + end_ms(wish))
					    : wish;
}

/* True if a number from a store is a valid end. */
bool end_number_is_valid(int64_t number);

/*
 * The form in which a store keeps ends. Other programs read the moments, so all of them are times
 * of the store's wall clock when the record was written. `expires_ms` is when the copy ends (0:
 * never); other programs change this field. A reader of the same boot of the same machine computes
 * the steady clock from `ahead_ms`; any other reader uses the wall clock. All zero: the store has
 * no record.
 */
struct end_record {
	int64_t expires_ms;
	int64_t copy, own; /* numbers */
	int64_t ahead_ms;  /* ms by which the store's wall clock was ahead of CLOCK_BOOTTIME */
	uint64_t boot;     /* time_boot_id() */
};

/* Makes a record. skew_ms: the milliseconds by which the store's wall clock is ahead of the steady
 * clock; time_skew_ms() if the store uses this machine's clock. */
struct end_record end_record_of(struct end copy, struct end own, int64_t skew_ms);

/*
 * Reads the ends from a record. If `expires_ms` fits the rest of the record, no other program has
 * changed it, and both ends are read from the rest. Otherwise another program has given the end: it
 * becomes the end of the copy and of the entry.
 */
void end_record_read(const struct end_record *record, struct end *copy, struct end *own);
bool end_record_is_valid(const struct end_record *record); /* its numbers are ends */

#endif
