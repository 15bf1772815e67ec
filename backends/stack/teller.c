/* The thread that applies to layers the changes that they missed. See teller.h. */
#include "stack/teller.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/log.h"

enum {
	PAUSE_FIRST_MS = 50, /* after a failure, doubled with each */
	PAUSE_MAX_MS = 2000,
};

struct telling {
	int64_t next_ms; /* not before this instant */
	int64_t pause_ms;
	bool owing; /* it had something that could not be told */
};

struct teller {
	struct layered *cache;
	struct telling *layers; /* one per layer; the thread's */
	pthread_t thread;
	struct lock lock; /* RANK_LAYER; guards: */
	pthread_cond_t work;
	bool nudged, stop;
};

/*
 * Changes of the key are kept out while the layer is told: what one has set meanwhile must stay.
 * Those of a prefix that had begun have ended; those that come later see the tombstone, and leave
 * the layer alone: a long removal need not keep them waiting.
 */
static int tell_tombstone(struct layered *c, struct layer *l, const struct debt *t)
{
	bool prefix = t->kind == DEBT_PREFIX;
	struct admission_claim claim = {
		.spans = { { key_make(t->key.bytes, t->key.size), prefix } },
		.span_count = 1,
	};

	if (prefix ? stack_enter(c, &claim) < 0 : !stack_try(c, &claim))
		return -EAGAIN;
	if (prefix)
		stack_leave(c, &claim);
	int rc = layer_tell(l, t);
	if (!prefix)
		stack_leave(c, &claim);
	return rc;
}

/* No change reaches what is still to be moved: there is nobody to keep out. */
static int tell_one(struct layered *c, struct layer *l, const struct debt *debt)
{
	return debt->kind == DEBT_MOVE ? layer_tell(l, debt) : tell_tombstone(c, l, debt);
}

static bool is_stopping(struct teller *t)
{
	lock_take(&t->lock);
	bool stop = t->stop;
	lock_release(&t->lock);
	return stop;
}

/* Until nothing is left or the layer fails. */
static void tell_layer(struct teller *t, struct layer *l, struct telling *telling)
{
	struct debt debt;
	uint64_t told = 0;
	int rc = 0;

	while (rc == 0 && !is_stopping(t) && layer_first_debt(l, &debt)) {
		rc = tell_one(t->cache, l, &debt);
		told += rc == 0;
	}
	if (rc < 0) {
		telling->pause_ms = stack_next_pause(told > 0 ? 0 : telling->pause_ms,
						     PAUSE_FIRST_MS, PAUSE_MAX_MS);
		telling->next_ms = time_mono_ms(t->cache->time) + telling->pause_ms;
	} else {
		telling->pause_ms = telling->next_ms = 0;
	}
	telling->owing = rc < 0;
	if (told > 0 && rc == 0)
		log_info("layer \"%s\" has been told what it missed", layer_name(l));
}

/* How long until something is due; -1: nothing is. */
static int64_t next_pause(const struct teller *t)
{
	int64_t now = time_mono_ms(t->cache->time), pause = -1;

	for (size_t i = 0; i < t->cache->count; i++) {
		const struct telling *l = &t->layers[i];
		int64_t wait = l->next_ms > now ? l->next_ms - now : 0;
		if (l->owing && (pause < 0 || wait < pause))
			pause = wait;
	}
	return pause;
}

/* False: the end. */
static bool wait_for_work(struct teller *t)
{
	int64_t pause = next_pause(t);
	struct deadline deadline = deadline_in(t->cache->time, pause < 0 ? 0 : pause);

	lock_take(&t->lock);
	while (!t->nudged && !t->stop) {
		if (pause < 0)
			condition_wait(&t->work, &t->lock);
		else if (!condition_wait_until(&t->work, &t->lock, &deadline))
			break;
	}
	t->nudged = false;
	bool go_on = !t->stop;
	lock_release(&t->lock);
	return go_on;
}

static void *run(void *self)
{
	struct teller *t = self;

	while (wait_for_work(t)) {
		int64_t now = time_mono_ms(t->cache->time);
		for (size_t i = 0; i < t->cache->count; i++)
			if (t->layers[i].next_ms <= now)
				tell_layer(t, t->cache->layers[i], &t->layers[i]);
	}
	return NULL;
}

/*
 * Nobody knows any more what the layers missed. One durable layer is believed, the slowest on this
 * machine, which a set is written to first; the others are cleared. With one alone there is nothing
 * better to believe: what it missed, and only that, may be seen again.
 */
static int distrust_all_but_one(struct layered *c)
{
	size_t believed = c->count;
	int rc = 0;

	for (int remote = 1; remote >= 0; remote--)
		for (size_t i = 0; i < c->count; i++)
			if (layer_is_durable(c->layers[i]) &&
			    c->conf->layers[i].backend->remote == (remote == 1))
				believed = i;
	for (size_t i = 0; i < c->count && rc == 0; i++) {
		if (i == believed || !layer_is_durable(c->layers[i]))
			continue;
		log_error("layer \"%s\": what it missed is not known any more; it is cleared",
			  layer_name(c->layers[i]));
		rc = layer_distrust(c->layers[i], KEY_ROOT, DEBT_PREFIX);
	}
	if (rc == 0)
		debts_state_note_found(c->state);
	return rc;
}

int teller_remember(struct layered *c, struct problem *problem)
{
	int rc = 0;

	for (size_t i = 0; i < c->count && c->state && rc == 0; i++)
		rc = layer_remember(c->layers[i], c->state);
	if (rc == 0 && c->state && debts_state_is_lost(c->state))
		rc = distrust_all_but_one(c);
	return rc == 0 ? 0
		       : problem_set(problem, state_dir(c->state), NULL,
				     "cannot read what the layers have missed: %s", strerror(-rc));
}

static void wake(struct teller *t, bool stop)
{
	lock_take(&t->lock);
	t->nudged = true;
	t->stop |= stop;
	pthread_cond_signal(&t->work);
	lock_release(&t->lock);
}

static void nudge(struct teller *t)
{
	wake(t, false);
}

int teller_start(struct layered *c, struct problem *problem)
{
	struct teller *t = calloc(1, sizeof(*t));

	assert(!c->teller);
	if (t)
		t->layers = calloc(c->count, sizeof(*t->layers));
	if (!t || !t->layers) {
		free(t);
		return problem_set(problem, NULL, NULL, "out of memory");
	}
	t->cache = c;
	t->nudged = true; /* what earlier runs left */
	lock_init(&t->lock, RANK_LAYER);
	condition_init(&t->work);
	int rc = pthread_create(&t->thread, NULL, run, t);
	if (rc == 0) {
		c->teller_nudge = nudge;
		c->teller = t;
		return 0;
	}
	pthread_cond_destroy(&t->work);
	lock_fini(&t->lock);
	free(t->layers);
	free(t);
	return problem_set(problem, NULL, NULL, "cannot start a thread: %s", strerror(rc));
}

void teller_stop(struct layered *c)
{
	struct teller *t = c->teller;

	if (!t)
		return;
	wake(t, true);
	pthread_join(t->thread, NULL);
	c->teller = NULL;
	pthread_cond_destroy(&t->work);
	lock_fini(&t->lock);
	free(t->layers);
	free(t);
}
