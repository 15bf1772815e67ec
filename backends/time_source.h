#ifndef CACHEFS_TIME_SOURCE_H
#define CACHEFS_TIME_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Where the time comes from; unit tests pass their own. Both functions are thread-safe. */
struct time_source {
	int64_t (*wall_ms)(void *self); /* since 1970, may jump: expires_at */
	int64_t (*mono_ms)(void *self); /* never jumps: deadlines, pauses */
	void *self;
};

/* The system's clocks. */
extern const struct time_source time_system;

int64_t time_wall_ms(const struct time_source *t);
int64_t time_mono_ms(const struct time_source *t);

/* Nanoseconds that never jump, to measure how long something took (always the system's). */
int64_t time_mono_ns(void);

/* The wall clock with nanoseconds, for file times (always the system's). */
struct timespec time_now(void);

/* Whether a is after b. */
static inline bool time_is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* The CLOCK_MONOTONIC instant `ms` milliseconds from now, for timed waits. */
struct timespec time_deadline(int64_t ms);

#endif
