/* The only reader of the system's clocks. See time_source.h. */
#include "base/time_source.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <xxhash.h>

enum { NS_PER_MS = 1000 * 1000, NS_PER_S = 1000 * NS_PER_MS };

static struct timespec clock_now(clockid_t clock)
{
	struct timespec now;
	int rc = clock_gettime(clock, &now);

	assert(rc == 0);
	(void)rc;
	return now;
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now = clock_now(clock);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

static int64_t system_wall_ms(void *self)
{
	(void)self;
	return clock_ms(CLOCK_REALTIME);
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now = clock_now(clock);

	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* By how much the wall clock was ahead of CLOCK_BOOTTIME when the process first asked. */
static int64_t steady_offset_ns;
static pthread_once_t steady_once = PTHREAD_ONCE_INIT;

static uint64_t boot_id;

static uint64_t read_boot_id(void)
{
	char text[64];
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	if (fd >= 0)
		close(fd);
	return n > 0 ? XXH3_64bits(text, (size_t)n) : 0;
}

static void steady_begin(void)
{
	steady_offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	boot_id = read_boot_id();
}

int64_t time_steady_anchor_ms(void)
{
	pthread_once(&steady_once, steady_begin);
	return steady_offset_ns / NS_PER_MS;
}

uint64_t time_boot_id(void)
{
	pthread_once(&steady_once, steady_begin);
	return boot_id;
}

static int64_t system_steady_ms(void *self)
{
	(void)self;
	pthread_once(&steady_once, steady_begin);
	return (clock_ns(CLOCK_BOOTTIME) + steady_offset_ns) / NS_PER_MS;
}

static int64_t system_mono_ms(void *self)
{
	(void)self;
	return clock_ms(CLOCK_MONOTONIC);
}

const struct time_source time_system = { .wall_ms = system_wall_ms,
					 .steady_ms = system_steady_ms,
					 .mono_ms = system_mono_ms };

int64_t time_wall_ms(const struct time_source *t)
{
	return t->wall_ms(t->self);
}

int64_t time_steady_ms(const struct time_source *t)
{
	return t->steady_ms(t->self);
}

int64_t time_mono_ms(const struct time_source *t)
{
	return t->mono_ms(t->self);
}

/* The clocks are read one after the other: as long as nobody has set the wall clock they are to
 * agree to the millisecond. */
enum { SAME_MS = 2 };

struct instant time_instant(const struct time_source *t)
{
	struct instant now = { time_wall_ms(t), time_steady_ms(t) };

	if (llabs((long long)(now.wall_ms - now.steady_ms)) <= SAME_MS)
		now.steady_ms = now.wall_ms;
	return now;
}

int64_t time_skew_ms(void)
{
	struct instant now = time_instant(&time_system);

	return now.wall_ms - now.steady_ms;
}

int64_t time_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

struct timespec time_now(void)
{
	return clock_now(CLOCK_REALTIME);
}

struct deadline deadline_in(const struct time_source *t, int64_t ms)
{
	return (struct deadline){ .time = t, .at_ms = time_mono_ms(t) + ms };
}

int64_t deadline_left_ms(const struct deadline *d)
{
	int64_t left = d->at_ms - time_mono_ms(d->time);

	return left > 0 ? left : 0;
}
