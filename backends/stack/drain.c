/* See drain.h. The drain works in rounds, each through the rows that the journal had when the round
 * began: it writes a batch of rows, syncs the layers, and removes the rows in one transaction. */
#include "stack/drain.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/log.h"
#include "stack/drain_write.h"

enum {
	BATCH_MAX = 64,
	BATCH_BYTES = 64 << 20,
	MARKERS_MAX = 64,
	LINGER_MS = 10,       /* so that a burst of sets is one round */
	PAUSE_FIRST_MS = 100, /* after a round in which nothing could be written; doubled */
	PAUSE_MAX_MS = 5000,
	BUSY_PAUSE_MS = 20, /* a key was being changed */
	FLUSH_POLL_MS = 200,
};

struct drain {
	struct drain_path path;
	pthread_t thread;
	int64_t pause_ms; /* the thread's */
	bool failing;     /* and said so */

	struct lock lock; /* RANK_LAYER; guards: */
	pthread_cond_t work, drained;
	bool nudged, urgent, stop;
	bool ending;     /* no flush waits */
	int64_t stop_ms; /* when to end, once stop is set */
};

/* --- a round ---------------------------------------------------------------------------------- */

struct round {
	int64_t newest; /* what has a higher number is for the next one */
	int64_t seqs[BATCH_MAX];
	uint64_t takers[BATCH_MAX];
	size_t count;
	uint64_t bytes;
	bool came[DRAIN_VERDICTS]; /* something came to it */
	bool more, unreadable, progress;
};

static void tell_flushers(struct drain *d)
{
	lock_take(&d->lock);
	pthread_cond_broadcast(&d->drained);
	lock_release(&d->lock);
}

static bool take_out(struct drain *d, struct round *r)
{
	size_t count = 0;

	if (r->count == 0)
		return true;
	uint64_t synced = drain_sync(&d->path);
	for (size_t i = 0; i < r->count; i++)
		if (r->takers[i] & synced)
			r->seqs[count++] = r->seqs[i];
	bool some = count > 0 && journal_done(d->path.journal, r->seqs, count) == 0;
	bool all = some && count == r->count;
	if (some)
		layer_note_room(d->path.cache->layers[d->path.first - 1]);
	r->progress |= some;
	r->came[DRAIN_FAILED] |= !all;
	r->count = 0;
	r->bytes = 0;
	tell_flushers(d);
	return all;
}

static bool time_is_over(struct drain *d)
{
	lock_take(&d->lock);
	bool over = d->stop && time_mono_ms(d->path.cache->time) >= d->stop_ms;
	lock_release(&d->lock);
	return over;
}

struct marker_batch {
	struct journal_marker at; /* the one read last */
	struct journal_marker written[MARKERS_MAX];
	uint64_t takers[MARKERS_MAX];
	size_t count;
};

/* Writes the next markers; false: they are through, or it is of no use to go on. */
static bool write_markers(struct drain *d, struct round *r, struct marker_batch *b)
{
	int rc = 0;

	while (b->count < MARKERS_MAX && !r->came[DRAIN_UNREACHABLE] && !time_is_over(d) &&
	       (rc = journal_next_marker(d->path.journal, &b->at)) > 0) {
		bool later = b->at.seq > r->newest;
		enum drain_verdict verdict = later ? DRAIN_GONE
						   : drain_write_marker(&d->path, &b->at,
									&b->takers[b->count]);
		r->more |= later;
		r->came[verdict] = true;
		if (verdict == DRAIN_WRITTEN)
			journal_marker_take(&b->written[b->count++], &b->at);
		journal_marker_fini(&b->at);
	}
	r->unreadable |= rc < 0;
	return b->count == MARKERS_MAX;
}

static bool take_markers_out(struct drain *d, struct round *r, struct marker_batch *b)
{
	size_t count = 0;

	if (b->count == 0)
		return true;
	uint64_t synced = drain_sync(&d->path);
	for (size_t i = 0; i < b->count; i++) {
		struct journal_marker marker = b->written[i];
		if (b->takers[i] & synced)
			b->written[count++] = marker;
		else
			journal_marker_fini(&marker);
	}
	bool some = count > 0 && journal_markers_done(d->path.journal, b->written, count) == 0;
	bool all = some && count == b->count;
	r->progress |= some;
	r->came[DRAIN_FAILED] |= !all;
	while (count > 0)
		journal_marker_fini(&b->written[--count]);
	b->count = 0;
	return all;
}

/* Through the markers once. */
static void run_markers(struct drain *d, struct round *r)
{
	if (!journal_has_markers(d->path.journal))
		return;
	struct marker_batch *batch = calloc(1, sizeof(*batch));
	r->came[DRAIN_FAILED] |= !batch;
	for (bool go_on = batch != NULL; go_on;) {
		go_on = write_markers(d, r, batch);
		go_on = take_markers_out(d, r, batch) && go_on;
	}
	free(batch);
	tell_flushers(d);
}

/* Through the queue once. */
static void run_round(struct drain *d, struct round *r)
{
	struct journal_item item = { .seq = 0 };
	int rc = 0;

	*r = (struct round){ .newest = journal_newest(d->path.journal) };
	run_markers(d, r);
	while (!r->came[DRAIN_UNREACHABLE] && !time_is_over(d) &&
	       (rc = journal_next(d->path.journal, item.seq, &item)) > 0) {
		if (item.seq > r->newest) {
			r->more = true;
			break;
		}
		enum drain_verdict verdict = drain_write_row(&d->path, &item, &r->takers[r->count]);
		r->came[verdict] = true;
		if (verdict != DRAIN_WRITTEN)
			continue;
		assert(r->count < BATCH_MAX);
		r->seqs[r->count++] = item.seq;
		r->bytes += item.size;
		if ((r->count == BATCH_MAX || r->bytes >= BATCH_BYTES) && !take_out(d, r))
			break;
	}
	r->unreadable |= rc < 0;
	take_out(d, r);
}

/* Nothing was written that should have been. */
static bool has_failed(const struct round *r)
{
	return r->came[DRAIN_FAILED] || r->came[DRAIN_UNREACHABLE] || r->unreadable;
}

/* A change of state is worth a line. */
static void report(struct drain *d, const struct round *r)
{
	bool failing = has_failed(r);

	if (failing && !d->failing)
		log_warning("journal: %s; trying again",
			    r->unreadable ? "it cannot be read"
			    : r->came[DRAIN_UNREACHABLE]
				    ? "the slower layers do not take what they are owed (none of "
				      "them answers)"
				    : "the slower layers do not take what they are owed");
	else if (!failing && d->failing)
		log_info("journal: the slower layers take what they are owed again");
	d->failing = failing;
}

/* How long to wait before the next round; -1: until there is something new. */
static int64_t pause_after(struct drain *d, const struct round *r)
{
	if (has_failed(r)) {
		d->pause_ms = stack_next_pause(r->progress ? 0 : d->pause_ms, PAUSE_FIRST_MS,
					       PAUSE_MAX_MS);
		return d->pause_ms;
	}
	d->pause_ms = 0;
	return r->came[DRAIN_BUSY] ? BUSY_PAUSE_MS : r->more ? 0 : -1;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Waits for something new, or the pause. While the layers fail, what is new does not end it. */
static void wait_for_work(struct drain *d, int64_t pause_ms)
{
	struct deadline until = deadline_in(d->path.cache->time, pause_ms < 0 ? 0 : pause_ms);

	lock_take(&d->lock);
	while (!d->stop && !d->urgent && (d->failing || !d->nudged)) {
		if (pause_ms < 0)
			condition_wait(&d->work, &d->lock);
		else if (!condition_wait_until(&d->work, &d->lock, &until))
			break;
	}
	struct deadline linger = deadline_in(d->path.cache->time, LINGER_MS);
	while (!d->stop && !d->urgent)
		if (!condition_wait_until(&d->work, &d->lock, &linger))
			break;
	d->nudged = d->urgent = false;
	lock_release(&d->lock);
}

static bool shall_end(struct drain *d, const struct round *r)
{
	lock_take(&d->lock);
	bool stop = d->stop;
	lock_release(&d->lock);
	return stop &&
	       (journal_is_empty(d->path.journal) || r->came[DRAIN_UNREACHABLE] ||
		((r->came[DRAIN_FAILED] || r->unreadable) && !r->progress) || time_is_over(d));
}

static void *run(void *self)
{
	struct drain *d = self;
	struct round r = { .count = 0 };

	for (;;) {
		run_round(d, &r);
		report(d, &r);
		if (shall_end(d, &r))
			return NULL;
		wait_for_work(d, pause_after(d, &r));
	}
}

struct drain *drain_start(struct layered *c, struct journal *journal, size_t first)
{
	struct drain *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	assert(first > 0 && stack_is_journal(c, c->layers[first - 1]));
	d->path = (struct drain_path){ c, journal, first };
	lock_init(&d->lock, RANK_LAYER);
	condition_init(&d->work);
	condition_init(&d->drained);
	if (pthread_create(&d->thread, NULL, run, d) == 0)
		return d;
	pthread_cond_destroy(&d->work);
	pthread_cond_destroy(&d->drained);
	lock_fini(&d->lock);
	free(d);
	return NULL;
}

void drain_soon(struct drain *d)
{
	lock_take(&d->lock);
	if (!d->nudged)
		pthread_cond_signal(&d->work);
	d->nudged = true;
	lock_release(&d->lock);
}

void drain_ending(struct drain *d)
{
	lock_take(&d->lock);
	d->ending = true;
	pthread_cond_broadcast(&d->drained);
	lock_release(&d->lock);
}

/* Until something is drained, or some time has passed. False: nobody is to wait any more. */
static bool await_progress(struct drain *d, int64_t at_most_ms)
{
	struct deadline until = deadline_in(
		d->path.cache->time, at_most_ms < FLUSH_POLL_MS ? at_most_ms : FLUSH_POLL_MS);

	lock_take(&d->lock);
	bool ending = d->ending;
	if (!ending) {
		d->urgent = true;
		pthread_cond_signal(&d->work);
		condition_wait_until(&d->drained, &d->lock, &until);
	}
	lock_release(&d->lock);
	return !ending;
}

int drain_flush(struct drain *d, struct key prefix, int64_t deadline_ms)
{
	int64_t newest = journal_newest(d->path.journal);
	int64_t end_ms = time_mono_ms(d->path.cache->time) + deadline_ms;

	while (journal_owes(d->path.journal, prefix, newest)) {
		int64_t left = end_ms - time_mono_ms(d->path.cache->time);
		if (left <= 0)
			return -ETIMEDOUT;
		if (!await_progress(d, left))
			return -ETIMEDOUT;
	}
	return 0;
}

void drain_stop(struct drain *d, int64_t timeout_ms)
{
	struct journal_stats stats;

	lock_take(&d->lock);
	d->stop = true;
	d->stop_ms = time_mono_ms(d->path.cache->time) + timeout_ms;
	pthread_cond_signal(&d->work);
	lock_release(&d->lock);
	pthread_join(d->thread, NULL);
	journal_stats(d->path.journal, &stats);
	if (stats.entries > 0)
		log_warning("journal: %llu entries are left for the next start",
			    (unsigned long long)stats.entries);
	pthread_cond_destroy(&d->work);
	pthread_cond_destroy(&d->drained);
	lock_fini(&d->lock);
	free(d);
}
