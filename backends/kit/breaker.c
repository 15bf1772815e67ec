/* Whether a store that can be away is there. See breaker.h. */
#include "kit/breaker.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/time_source.h"

enum {
	PAUSE_MIN_MS = 100, /* before the first probe: a restart should hardly be noticed */
	PAUSE_MAX_MS = 10000,
	STEADY_MS = 10000, /* down again sooner than that, it was not up in earnest */
};

static int64_t now_ms(void)
{
	return time_mono_ms(&time_system);
}

void breaker_init(struct breaker *b, const char *type, const char *layer_name)
{
	*b = (struct breaker){ .type = type, .layer_name = layer_name, .since_ms = now_ms() };
	b->next_ms = b->since_ms;
	lock_init(&b->lock, RANK_LAYER_INNER);
	condition_init(&b->verdict);
}

void breaker_fini(struct breaker *b)
{
	pthread_cond_destroy(&b->verdict);
	lock_fini(&b->lock);
}

bool breaker_enter(struct breaker *b, int64_t patience_ms, unsigned *round)
{
	if (atomic_load(&b->state) == BREAKER_UNKNOWN && patience_ms > now_ms()) {
		struct deadline deadline = deadline_in(&time_system, patience_ms - now_ms());
		lock_take(&b->lock);
		while (atomic_load(&b->state) == BREAKER_UNKNOWN)
			if (!condition_wait_until(&b->verdict, &b->lock, &deadline))
				break;
		lock_release(&b->lock);
	}
	*round = atomic_load(&b->round);
	return atomic_load(&b->state) == BREAKER_UP;
}

/* Returns what was the state before. */
static enum breaker_state go_down_locked(struct breaker *b, const char *reason)
{
	enum breaker_state before = (enum breaker_state)atomic_load(&b->state);

	bool relapse = before == BREAKER_UP && b->pause_ms > 0 &&
		       now_ms() - b->since_ms < STEADY_MS;
	if (before == BREAKER_DOWN || relapse)
		b->pause_ms = b->pause_ms * 2 < PAUSE_MAX_MS ? b->pause_ms * 2 : PAUSE_MAX_MS;
	else
		b->pause_ms = PAUSE_MIN_MS;
	if (before != BREAKER_DOWN)
		b->since_ms = now_ms();
	b->next_ms = now_ms() + b->pause_ms;
	snprintf(b->reason, sizeof(b->reason), "%s", reason);
	atomic_store(&b->state, BREAKER_DOWN);
	pthread_cond_broadcast(&b->verdict);
	return before;
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
	bool news = latest && atomic_load(&b->state) == BREAKER_UP;
	b->failed_again |= latest;
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
	b->failed_again = false;
	lock_release(&b->lock);
}

void breaker_probe_failed(struct breaker *b, const char *reason)
{
	lock_take(&b->lock);
	enum breaker_state before = go_down_locked(b, reason);
	int64_t pause_ms = b->pause_ms;
	lock_release(&b->lock);
	if (before != BREAKER_DOWN)
		log_down(b, reason, pause_ms);
}

bool breaker_probe_succeeded(struct breaker *b)
{
	lock_take(&b->lock);
	if (b->failed_again) {
		b->next_ms = now_ms();
		lock_release(&b->lock);
		return false;
	}
	enum breaker_state before = (enum breaker_state)atomic_load(&b->state);
	int64_t away_ms = now_ms() - b->since_ms;
	if (before != BREAKER_UP) {
		atomic_fetch_add(&b->round, 1);
		b->since_ms = now_ms();
		b->reason[0] = '\0';
		atomic_store(&b->state, BREAKER_UP);
		pthread_cond_broadcast(&b->verdict);
	}
	lock_release(&b->lock);
	if (before == BREAKER_DOWN)
		log_info("%s: layer \"%s\" up again after %.1f s", b->type, b->layer_name,
			 (double)away_ms / 1000);
	return true;
}

int64_t breaker_probe_due(struct breaker *b)
{
	lock_take(&b->lock);
	int64_t due = b->next_ms - now_ms();
	bool up = atomic_load(&b->state) == BREAKER_UP;
	lock_release(&b->lock);
	return up ? -1 : due > 0 ? due : 0;
}

enum breaker_state breaker_state(struct breaker *b, char *reason)
{
	lock_take(&b->lock);
	enum breaker_state state = (enum breaker_state)atomic_load(&b->state);
	memcpy(reason, b->reason, BREAKER_REASON);
	lock_release(&b->lock);
	return state;
}
