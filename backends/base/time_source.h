#ifndef CACHEFS_TIME_SOURCE_H
#define CACHEFS_TIME_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Where the time comes from; unit tests pass their own. The functions are thread-safe. */
struct time_source {
	int64_t (*wall_ms)(void *self); /* since 1970, may jump: moments that somebody named */
	/*
	 * Since 1970 by the wall clock as it was when the process first asked; from then on it
	 * counts the time that passes (suspension included) and never jumps: ends that were given
	 * as durations, and orders.
	 */
	int64_t (*steady_ms)(void *self);
	int64_t (*mono_ms)(void *self); /* never jumps: deadlines, pauses */
	void *self;
};

/* One instant by the two clocks that tell when an entry ends (see end.h). */
struct instant {
	int64_t wall_ms, steady_ms;
};

/* The system's clocks. */
extern const struct time_source time_system;

int64_t time_wall_ms(const struct time_source *t);
int64_t time_steady_ms(const struct time_source *t);
int64_t time_mono_ms(const struct time_source *t);
struct instant time_instant(const struct time_source *t);

/* By how much the wall clock is ahead of the steady one: 0 unless somebody has set it. */
int64_t time_skew_ms(void);

/* By how much the steady clock is ahead of CLOCK_BOOTTIME: of each process another. And which boot
 * of which machine that counts from; 0: not known. */
int64_t time_steady_anchor_ms(void);
uint64_t time_boot_id(void);

/* Nanoseconds that never jump, to measure how long something took (always the system's). */
int64_t time_mono_ns(void);

/* The wall clock with nanoseconds, for file times (always the system's). */
struct timespec time_now(void);

/* Whether a is after b. */
static inline bool time_is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* An instant by a source's clock that never jumps: until when something waits. */
struct deadline {
	const struct time_source *time;
	int64_t at_ms;
};

/* The instant ms milliseconds from now (past for ms <= 0), and how many are left of it: 0, it has come. */
struct deadline deadline_in(const struct time_source *t, int64_t ms);
int64_t deadline_left_ms(const struct deadline *d);

#endif
