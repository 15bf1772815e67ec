#ifndef CACHEFS_TIME_SOURCE_H
#define CACHEFS_TIME_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The clocks of the cache; unit tests pass their own. The functions are thread-safe. */
struct time_source {
	int64_t (*wall_ms)(void *self); /* since 1970, may jump: for moments that people gave */
	/*
	 * Milliseconds since 1970. Begins with the wall clock's time at the first call in the
	 * process, then counts the time that passes (suspension included) and never jumps. For ends
	 * that were given as durations, and for orders.
	 */
	int64_t (*steady_ms)(void *self);
	int64_t (*mono_ms)(void *self); /* never jumps: deadlines, pauses */
	void *self;
};

/* One instant by the two clocks that ends follow (see end.h). */
struct instant {
	int64_t wall_ms, steady_ms;
};

/* The system's clocks. */
extern const struct time_source time_system;

int64_t time_wall_ms(const struct time_source *t);
int64_t time_steady_ms(const struct time_source *t);
int64_t time_mono_ms(const struct time_source *t);
struct instant time_instant(const struct time_source *t);

/* Milliseconds by which the wall clock is ahead of the steady clock. 0 unless somebody has set the
 * wall clock. */
int64_t time_skew_ms(void);

/*
 * time_steady_anchor_ms(): the milliseconds by which the steady clock is ahead of CLOCK_BOOTTIME;
 * each process has its own. time_boot_id(): the boot of the machine from which CLOCK_BOOTTIME
 * counts; 0: not known.
 */
int64_t time_steady_anchor_ms(void);
uint64_t time_boot_id(void);

/* Nanoseconds of a clock that never jumps, to measure durations (always the system's clock). */
int64_t time_mono_ns(void);

/* The wall clock with nanoseconds, for file times (always the system's clock). */
struct timespec time_now(void);

/* True if a is after b. */
static inline bool time_is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* The instant at which a wait ends, by mono_ms() of a source. */
struct deadline {
	const struct time_source *time;
	int64_t at_ms;
};

/* deadline_in(): the instant ms milliseconds from now (in the past for ms <= 0).
 * deadline_left_ms(): the milliseconds left until the instant; 0: it has come. */
struct deadline deadline_in(const struct time_source *t, int64_t ms);
int64_t deadline_left_ms(const struct deadline *d);

#endif
