/* Decides when a layer evicts for free space. See free_space.h. */
#include "kit/free_space.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "base/time_source.h"

enum {
	IDLE_ENTRIES = 1000, /* evicted without any gain */
	PAUSE_MS = 60 * 1000,
	WORTH = 4,  /* what holds less than one part of so many of what is missing need not go */
	SHARE = 20, /* one part of so many is the default of min_free */
};
#define IDLE_BYTES ((uint64_t)64 << 20)
#define MIN_FREE_MOST ((uint64_t)512 << 20)

void free_space_init(struct free_space *s, const struct backend_env *env, const char *path,
		     uint64_t min_free)
{
	*s = (struct free_space){
		.layer = env->layer_name, .path = path, .time = env->time, .min_free = min_free
	};
}

bool free_space_is_short(int rc)
{
	return rc == -ENOSPC || rc == -EDQUOT;
}

/* *min_free: what is to stay free, if anybody knows. */
static uint64_t look(const struct free_space *s, uint64_t *min_free)
{
	struct statvfs disk;

	*min_free = 0;
	if (statvfs(s->path, &disk) < 0)
		return UINT64_MAX;
	uint64_t size = (uint64_t)disk.f_blocks * disk.f_frsize;
	*min_free = size / SHARE < MIN_FREE_MOST ? size / SHARE : MIN_FREE_MOST;
	if (s->min_free != UINT64_MAX)
		*min_free = s->min_free;
	return disk.f_files > 0 && disk.f_favail == 0 ? 0 : (uint64_t)disk.f_bavail * disk.f_frsize;
}

uint64_t free_space_bytes(const struct free_space *s)
{
	uint64_t ignored;

	return look(s, &ignored);
}

struct space_round free_space_need(struct free_space *s, uint64_t size, uint64_t held)
{
	uint64_t now = free_space_bytes(s);
	struct space_round r = { .space = s,
				 .goal = now < size ? size : now + size,
				 .before = UINT64_MAX };

	if (now == UINT64_MAX || held < r.goal - now)
		r.goal = 0;
	return r;
}

struct space_round free_space_keep(struct free_space *s)
{
	uint64_t min_free, now = look(s, &min_free);
	bool low = now < min_free;

	if (low && !atomic_exchange(&s->low, true))
		log_warning(
			"layer \"%s\": %llu MiB are free on the disk of %s, and %llu are to stay "
			"free (min_free_mb); it evicts while it holds more than that itself",
			s->layer, (unsigned long long)(now >> 20), s->path,
			(unsigned long long)(min_free >> 20));
	if (!low && atomic_exchange(&s->low, false))
		log_info("layer \"%s\": there is space again on the disk of %s", s->layer, s->path);
	return (struct space_round){
		.space = s, .goal = low ? min_free : 0, .before = UINT64_MAX, .shares = true
	};
}

static void note_gain(struct free_space *s)
{
	s->idle_bytes = s->idle_entries = 0;
	s->stopped_ms = 0;
}

/* Too much was evicted in vain. */
static bool is_in_vain(struct space_round *r, uint64_t now)
{
	struct free_space *s = r->space;
	int64_t now_ms = time_mono_ms(s->time);

	if (s->stopped_ms > 0 && (now > s->stopped_at || now_ms - s->stopped_ms >= PAUSE_MS))
		note_gain(s);
	if (s->idle_bytes < IDLE_BYTES && s->idle_entries < IDLE_ENTRIES)
		return false;
	if (s->stopped_ms == 0) {
		log_warning("layer \"%s\": %llu entries were evicted, and the disk of %s has not "
			    "gained anything: they are being read, or another program takes the "
			    "space; no more are for a minute, unless there is more",
			    s->layer, (unsigned long long)s->idle_entries, s->path);
		s->stopped_ms = now_ms;
		s->stopped_at = now;
	}
	return true;
}

bool space_round_goes_on(struct space_round *r, uint64_t held, uint64_t reusable)
{
	if (r->goal == 0)
		return false;
	uint64_t free_bytes = free_space_bytes(r->space);
	uint64_t now = free_bytes > UINT64_MAX - reusable ? UINT64_MAX : free_bytes + reusable;

	if (now > r->before)
		note_gain(r->space);
	r->before = now;
	if (now >= r->goal || held == 0)
		return false;
	if (r->shares && (held <= now || held < (r->goal - now) / WORTH))
		return false;
	return !is_in_vain(r, now);
}

uint64_t space_round_step(const struct space_round *r, uint64_t held)
{
	assert(r->before < r->goal);
	uint64_t step = r->goal - r->before;
	if (r->shares) {
		assert(held > r->before);
		uint64_t half = (held - r->before) / 2; /* then it holds as much as is free */
		step = half < step ? half : step;
	}
	return step > 0 ? step : 1;
}

void space_round_evicted(struct space_round *r, uint64_t entries, uint64_t bytes)
{
	r->space->idle_bytes += bytes;
	r->space->idle_entries += entries;
}

void free_space_settled(struct free_space *s, bool made)
{
	if (made && atomic_exchange(&s->full, false))
		log_info("layer \"%s\": the disk of %s takes sets again", s->layer, s->path);
	if (!made && !atomic_exchange(&s->full, true))
		log_error("layer \"%s\": no space left on the disk of %s, and evicting made none; "
			  "sets fail, removing goes on",
			  s->layer, s->path);
}

bool free_space_trouble(const struct free_space *s, char *text, size_t size)
{
	if (!atomic_load(&s->low) && !atomic_load(&s->full))
		return false;
	snprintf(text, size, "%s",
		 atomic_load(&s->full) ? "no space left on its disk"
				       : "its disk has less free than min_free_mb");
	return true;
}
