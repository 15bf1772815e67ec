#ifndef CACHEFS_TIME_SOURCE_H
#define CACHEFS_TIME_SOURCE_H

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

/* The CLOCK_MONOTONIC instant `ms` milliseconds from now, for timed waits. */
struct timespec time_deadline(int64_t ms);

#endif
