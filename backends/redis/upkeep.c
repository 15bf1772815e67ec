/* The work that no caller asks for. See redis/upkeep.h. */
#include "redis/upkeep.h"

#include <string.h>

#include "redis/command.h"
#include "redis/look.h"
#include "redis/page.h"
#include "redis/scan.h"

/*
 * Walks are paced by what their steps cost the server and the way to it: of all time a walk takes
 * one part in SHARE, and if it is waited for, one in two, and then rests for as long as it took. So
 * a small store is walked through each second, and a large one is not kept busy.
 */
enum {
	SHARE = 50,
	SHARE_HURRIED = 2,
	REST_HURRIED = 2,
	PAUSE_MAX_MS = 200, /* between steps */
	REST_MIN_MS = 1000, /* between two times through */
	REST_MAX_MS = 20000,
	MEASURE_MS = 1000,
};

/* How a walk gets on. */
struct pace {
	bool walking;
	int64_t busy_ns; /* what this one has cost so far */
	int64_t next_ms; /* when the next one begins */
};

/* Where the walks through the server's keys and through the index are. */
struct walk {
	struct redis_scan names;
	struct pace scan;
	bool hurried;
	bool asked;       /* since this one began there are new keys of other programs */
	int64_t hurry_ms; /* when the next one may begin if it is asked for */
	struct pace sweep;
	struct key_buffer at; /* in the index */
	int64_t surplus; /* keys of the server less members of the index, when they were counted */
	int64_t adopted; /* keys that we gave a member since then */
	bool surplus_known;
	unsigned life; /* see rollback.h */
	int64_t measure_ms;
};

/* One step through the server's keys. */
static void scan_step(struct redis *r, struct walk *w)
{
	int rc = redis_scan_step(r, &w->names);

	if (rc < 0 || redis_scan_is_over(&w->names))
		w->scan.walking = false;
	w->asked |= rc < 0;
}

/* One step through the index: what has no value goes. */
static void sweep_step(struct redis *r, struct walk *w)
{
	struct redis_range range = { .first = key_make(w->at.bytes, w->at.size),
				     .unbounded = true };
	struct redis_page page = { 0 };
	struct redis_call call;

	w->sweep.walking = false;
	if (redis_call_begin(&call, r, REDIS_READS) < 0)
		return;
	int rc = redis_page_read(&call, r->index, &range, REDIS_PAGE, &page);
	if (rc == 0 && page.count > 0)
		rc = redis_page_check(&call, &page);
	redis_call_end(&call, rc);
	for (size_t i = 0; i < page.count; i++)
		if (page.items[i].old || page.items[i].strange)
			redis_adopt(r, page.items[i].key); /* which drops it, or mends the member */
	w->sweep.walking = rc == 0 && !page.end && page.count > 0;
	if (w->sweep.walking) {
		struct key last = page.items[page.count - 1].key;
		memcpy(w->at.bytes, last.bytes, last.size);
		w->at.bytes[last.size] = '\1'; /* past its members */
		w->at.size = last.size + 1;
	}
	redis_page_fini(&page);
}

/*
 * Looks how full the server is. Other programs' new keys show in its number of keys. A key that we
 * gave a member makes up for a new one that came in the same time: such keys are counted, before
 * the members are, for one too many costs a walk, and one too few hides a key.
 */
static void measure(struct redis *r, struct walk *w)
{
	int64_t keys = 0, members = 0;
	struct redis_call call;

	if (redis_call_begin(&call, r, REDIS_READS) < 0)
		return;
	w->adopted += (int64_t)atomic_exchange(&r->adopted, 0);
	REDIS_COMMAND(&call, redis_word("DBSIZE"));
	REDIS_COMMAND(&call, redis_word("ZCARD"), redis_bytes(r->index));
	int rc = redis_expect_number(&call, "DBSIZE", &keys);
	int rest = redis_expect_number(&call, "ZCARD", &members);
	if (rc == 0)
		rc = rest;
	if (rc == 0)
		rc = redis_info_read(&r->server, call.link, NULL);
	if (redis_call_end(&call, rc) < 0)
		return;
	/* Members that we dropped are no new keys, and keys that another daemon gave a member are
	 * no news. */
	int64_t dropped = (int64_t)atomic_exchange(&r->dropped, 0);
	if (w->surplus_known && keys - members + w->adopted > w->surplus + dropped)
		w->asked = true;
	w->adopted = 0;
	if (w->life != atomic_load(&r->rollback.life))
		w->asked = true;
	w->life = atomic_load(&r->rollback.life);
	w->surplus = keys - members;
	w->surplus_known = true;
}

static int64_t at_most(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* One step of a walk. Returns how long to pause after it. */
static int64_t step(struct redis *r, struct walk *w, struct pace *pace,
		    void (*run)(struct redis *r, struct walk *w), int share)
{
	int64_t begun_ns = time_mono_ns();

	run(r, w);
	int64_t took_ns = time_mono_ns() - begun_ns;
	pace->busy_ns += took_ns;
	if (pace->walking)
		return at_most(took_ns * (share - 1) / 1000000 + 1, PAUSE_MAX_MS);
	int64_t rest_ms = at_most(pace->busy_ns * SHARE / 1000000, REST_MAX_MS);
	pace->next_ms = time_mono_ms(r->env->time) +
			(rest_ms < REST_MIN_MS ? REST_MIN_MS : rest_ms);
	return 0;
}

static void scan_begin(struct walk *w, bool hurried)
{
	redis_scan_restart(&w->names);
	w->scan.walking = true;
	w->scan.busy_ns = 0;
	w->hurried = hurried;
	w->asked = false;
}

/* A request to walk again is kept until a walk begins; one at leisure begins anew at once. */
static void scan_choose(struct walk *w, int64_t now_ms)
{
	bool may_hurry = w->scan.walking ? !w->hurried : now_ms >= w->hurry_ms;

	if (w->asked && may_hurry)
		scan_begin(w, true);
	else if (!w->scan.walking && now_ms >= w->scan.next_ms)
		scan_begin(w, false);
}

/* How long until something is due. */
static int64_t walk_idle_ms(const struct walk *w, int64_t now_ms)
{
	int64_t due_ms = at_most(w->measure_ms, w->sweep.next_ms);

	due_ms = at_most(due_ms, w->asked ? w->hurry_ms : w->scan.next_ms);
	return due_ms > now_ms ? due_ms - now_ms : 0;
}

/* What is due now. Returns how long nothing will be. */
static int64_t walk_step(struct redis *r, struct walk *w)
{
	int64_t now_ms = time_mono_ms(r->env->time);

	if (now_ms >= w->measure_ms) {
		measure(r, w);
		w->measure_ms = now_ms + MEASURE_MS;
	}
	if (!w->names.pattern) /* out of memory: no walk */
		return MEASURE_MS;
	scan_choose(w, now_ms);
	if (w->scan.walking) {
		int64_t pause_ms = step(r, w, &w->scan, scan_step,
					w->hurried ? SHARE_HURRIED : SHARE);
		if (!w->scan.walking)
			w->hurry_ms = time_mono_ms(r->env->time) +
				      at_most(w->scan.busy_ns * REST_HURRIED / 1000000 + 1,
					      REST_MAX_MS);
		return pause_ms;
	}
	if (!w->sweep.walking && now_ms >= w->sweep.next_ms) {
		w->sweep = (struct pace){ .walking = true };
		w->at.size = 0;
	}
	return w->sweep.walking ? step(r, w, &w->sweep, sweep_step, SHARE)
				: walk_idle_ms(w, now_ms);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void *upkeep_run(void *argument)
{
	struct redis *r = argument;
	struct walk walk = { .asked = true };
	int64_t pause_ms = 0;

	redis_scan_init(&walk.names, r->prefix);
	while (breaker_pause(&r->breaker, pause_ms)) {
		int64_t due_ms = breaker_probe_due(&r->breaker);
		if (due_ms == 0)
			redis_probe(r);
		if (due_ms > 0)
			pause_ms = due_ms;
		else
			pause_ms = due_ms == 0 ? 0 : walk_step(r, &walk);
	}
	redis_scan_fini(&walk.names);
	return NULL;
}

int redis_upkeep_start(struct redis *r)
{
	return -pthread_create(&r->upkeep, NULL, upkeep_run, r);
}

void redis_upkeep_stop(struct redis *r)
{
	breaker_stop(&r->breaker); /* first: no probe begins after the one that is cut off */
	redis_probe_cancel(r);
	pthread_join(r->upkeep, NULL);
}
