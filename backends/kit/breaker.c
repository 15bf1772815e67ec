/* Knows whether a store that may be away is there. See breaker.h. */
#include "kit/breaker.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum {
	PAUSE_MIN_MS = 100, /* before the first probe: a restart should hardly be noticed */
	PAUSE_MAX_MS = 10000,
	STEADY_MS = 10000, /* down again sooner than that, it was not up in earnest */
};

static int64_t now_ms(const struct breaker *b)
{
	return time_mono_ms(b->time);
}

void breaker_init(struct breaker *b, const char *type, const char *layer_name,
		  const struct time_source *time)
{
	*b = (struct breaker){ .type = type, .layer_name = layer_name, .time = time };
	b->since_ms = b->next_ms = now_ms(b);
	lock_init(&b->lock, RANK_LAYER_INNER);
	condition_init(&b->changed);
}

void breaker_fini(struct breaker *b)
{
	pthread_cond_destroy(&b->changed);
	lock_fini(&b->lock);
}

bool breaker_enter(struct breaker *b, int64_t patience_ms, unsigned *round)
{
	struct deadline deadline = { b->time, patience_ms };

	if (breaker_is(b) == BREAKER_UNKNOWN && deadline_left_ms(&deadline) > 0) {
		lock_take(&b->lock);
		while (breaker_is(b) == BREAKER_UNKNOWN)
			if (!condition_wait_until(&b->changed, &b->lock, &deadline))
				break;
		lock_release(&b->lock);
	}
	*round = atomic_load(&b->round);
	return breaker_is(b) == BREAKER_UP;
}

static void set_state_locked(struct breaker *b, enum breaker_state state)
{
	assert(lock_is_held(&b->lock));
	assert(state != BREAKER_UNKNOWN && state != breaker_is(b));
	b->since_ms = now_ms(b);
	atomic_store(&b->state, state);
	pthread_cond_broadcast(&b->changed);
}

/* Also when it is down already: then the next probe is later. Returns whether it was not. */
static bool go_down_locked(struct breaker *b, const char *reason)
{
	enum breaker_state before = breaker_is(b);

	bool relapse = before == BREAKER_UP && b->pause_ms > 0 &&
		       now_ms(b) - b->since_ms < STEADY_MS;
	if (before == BREAKER_DOWN || relapse)
		b->pause_ms = b->pause_ms * 2 < PAUSE_MAX_MS ? b->pause_ms * 2 : PAUSE_MAX_MS;
	else
		b->pause_ms = PAUSE_MIN_MS;
	assert(b->pause_ms >= PAUSE_MIN_MS && b->pause_ms <= PAUSE_MAX_MS);
	b->next_ms = now_ms(b) + b->pause_ms;
	snprintf(b->reason, sizeof(b->reason), "%s", reason);
	if (before != BREAKER_DOWN)
		set_state_locked(b, BREAKER_DOWN);
	return before != BREAKER_DOWN;
}

static void log_down(const struct breaker *b, const char *reason, int64_t pause_ms)
{
	log_warning("%s: layer \"%s\" down (%s); next try in %g s", b->type, b->layer_name, reason,
		    (double)pause_ms / 1000);
}

bool breaker_fail(struct breaker *b, unsigned round, const char *reason)
{
	lock_take(&b->lock);
	bool latest = round == atomic_load(&b->round);
	bool news = latest && breaker_is(b) == BREAKER_UP;
	b->failed_again |= latest;
	b->fell |= news;
	if (news)
		go_down_locked(b, reason);
	int64_t pause_ms = b->pause_ms;
	lock_release(&b->lock);
	if (news)
		log_down(b, reason, pause_ms);
	return news;
}

void breaker_probe_begin(struct breaker *b)
{
	lock_take(&b->lock);
	assert(breaker_is(b) != BREAKER_UP);
	b->failed_again = false;
	lock_release(&b->lock);
}

void breaker_probe_failed(struct breaker *b, const char *reason)
{
	lock_take(&b->lock);
	assert(breaker_is(b) != BREAKER_UP);
	bool news = go_down_locked(b, reason);
	int64_t pause_ms = b->pause_ms;
	lock_release(&b->lock);
	if (news)
		log_down(b, reason, pause_ms);
}

bool breaker_probe_succeeded(struct breaker *b)
{
	lock_take(&b->lock);
	if (b->failed_again) {
		b->next_ms = now_ms(b);
		lock_release(&b->lock);
		return false;
	}
	enum breaker_state before = breaker_is(b);
	int64_t away_ms = now_ms(b) - b->since_ms;
	atomic_fetch_add(&b->round, 1);
	b->reason[0] = '\0';
	set_state_locked(b, BREAKER_UP);
	lock_release(&b->lock);
	if (before == BREAKER_DOWN)
		log_info("%s: layer \"%s\" up again after %.1f s", b->type, b->layer_name,
			 (double)away_ms / 1000);
	return true;
}

int64_t breaker_probe_due(struct breaker *b)
{
	lock_take(&b->lock);
	int64_t due = b->next_ms - now_ms(b);
	bool up = breaker_is(b) == BREAKER_UP;
	lock_release(&b->lock);
	return up ? -1 : due > 0 ? due : 0;
}

bool breaker_pause(struct breaker *b, int64_t pause_ms)
{
	struct deadline deadline = deadline_in(b->time, pause_ms);

	lock_take(&b->lock);
	while (!b->stopped && !b->fell)
		if (!condition_wait_until(&b->changed, &b->lock, &deadline))
			break;
	b->fell = false;
	bool go_on = !b->stopped;
	lock_release(&b->lock);
	return go_on;
}

void breaker_stop(struct breaker *b)
{
	lock_take(&b->lock);
	b->stopped = true;
	pthread_cond_broadcast(&b->changed);
	lock_release(&b->lock);
}

enum breaker_state breaker_state(struct breaker *b, char *reason)
{
	lock_take(&b->lock);
	enum breaker_state state = breaker_is(b);
	memcpy(reason, b->reason, BREAKER_REASON);
	lock_release(&b->lock);
	return state;
}
