/* See drain.h. It works in rounds, each through what was owed when it began: a batch of rows is
 * written, the layers are synced, the rows are taken out in one transaction. */
#include "stack/drain.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/log.h"

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
	struct layered *cache;
	struct journal *journal;
	size_t first;
	pthread_t thread;
	int64_t pause_ms; /* the thread's */
	bool failing;     /* and said so */

	struct lock lock; /* RANK_LAYER; guards: */
	pthread_cond_t work, drained;
	bool nudged, urgent, stop;
	bool ending;     /* no flush waits */
	int64_t stop_ms; /* when to end, once stop is set */
};

/* What one row came to. */
enum verdict { WRITTEN, GONE, BUSY, FAILED, UNREACHABLE };

static struct layer *journal_layer(const struct drain *d)
{
	return d->cache->layers[d->first - 1];
}

/* --- one row ---------------------------------------------------------------------------------- */

/* Of a set of slower layers. */
static uint64_t bit_of(const struct drain *d, size_t layer)
{
	assert(layer >= d->first && layer - d->first < 64);
	return UINT64_C(1) << (layer - d->first);
}

static bool is_unreachable(int rc)
{
	return rc == -EHOSTDOWN || rc == -EIO || rc == -ETIMEDOUT;
}

/* The durable layers, slowest first; the others only get what a durable one has. */
static enum verdict write_row(struct drain *d, struct key key, struct value *value,
			      const struct meta *meta, uint64_t *takers)
{
	struct layered *c = d->cache;
	bool all_unreachable = true;

	*takers = 0;
	for (size_t i = c->count; i-- > d->first;) {
		if (!layer_is_durable(c->layers[i]))
			continue;
		int rc = layer_set(c->layers[i], key, value, meta, end_none());
		*takers |= rc == 0 ? bit_of(d, i) : 0;
		all_unreachable &= rc < 0 && is_unreachable(rc);
	}
	if (*takers == 0)
		return all_unreachable ? UNREACHABLE : FAILED;
	struct value *copy = stack_value_for_volatile(c, value);
	bool dropped = true;
	for (size_t i = c->count; i-- > d->first;) {
		struct layer *l = c->layers[i];
		if (layer_is_durable(l) ? !(*takers & bit_of(d, i))
					: !copy || layer_set(l, key, copy, meta,
							     stack_limit(c, l, meta->own)) < 0)
			dropped &= stack_drop(c, l, key) == 0;
	}
	value_unref(copy);
	return dropped ? WRITTEN : FAILED;
}

/* The slower layers have an older value, which is over as well. */
static bool drop_all(struct drain *d, struct key key)
{
	bool dropped = true;

	for (size_t i = d->first; i < d->cache->count; i++)
		dropped &= stack_drop(d->cache, d->cache->layers[i], key) == 0;
	atomic_fetch_add(&d->cache->uncovered, 1);
	return dropped;
}

/* takers: the layers that have it now, one of which is to sync it. */
static enum verdict write_admitted(struct drain *d, const struct journal_item *item,
				   uint64_t *takers)
{
	struct key key = key_make(item->key.bytes, item->key.size);
	struct value *value = NULL;
	struct meta meta = { 0 };

	int rc = journal_load(d->journal, item, &value, &meta);
	if (rc == -ESTALE)
		return GONE;
	if (rc == -ENODATA || rc == -EBADMSG) {
		if (!drop_all(d, key))
			return FAILED;
		*takers = UINT64_MAX;
		return rc == -ENODATA                             ? WRITTEN
		       : journal_set_aside(d->journal, item) == 0 ? GONE
								  : FAILED;
	}
	if (rc < 0)
		return FAILED;
	enum verdict verdict = write_row(d, key, value, &meta, takers);
	value_unref(value);
	meta_fini(&meta);
	return verdict;
}

static enum verdict drain_row(struct drain *d, const struct journal_item *item, uint64_t *takers)
{
	struct key key = key_make(item->key.bytes, item->key.size);
	struct admission_claim claim = stack_claim(key);

	if (!stack_try(d->cache, &claim))
		return BUSY;
	/* What the journal itself is to remove or to move the layers must not get. */
	enum verdict verdict = layer_trusts(journal_layer(d), key) ? write_admitted(d, item, takers)
								   : BUSY;
	stack_leave(d->cache, &claim);
	if (verdict == FAILED || verdict == UNREACHABLE)
		journal_count_failure(d->journal);
	return verdict;
}

/* --- markers ---------------------------------------------------------------------------------- */

static enum verdict write_marker(struct drain *d, const struct journal_marker *marker,
				 uint64_t *takers)
{
	struct layered *c = d->cache;
	bool all_unreachable = true;

	*takers = 0;
	for (size_t i = c->count; i-- > d->first;) {
		if (!layer_is_durable(c->layers[i]))
			continue;
		int rc = layer_dir_set(c->layers[i], journal_marker_dir(marker), &marker->meta);
		*takers |= rc == 0 ? bit_of(d, i) : 0;
		all_unreachable &= rc < 0 && is_unreachable(rc);
	}
	if (*takers == 0)
		return all_unreachable ? UNREACHABLE : FAILED;
	bool remembered = true;
	for (size_t i = d->first; i < c->count; i++)
		if (layer_is_durable(c->layers[i]) && !(*takers & bit_of(d, i)))
			remembered &= stack_missed(c, c->layers[i], journal_marker_dir(marker),
						   DEBT_MARKER) == 0;
	return remembered ? WRITTEN : FAILED;
}

static enum verdict drain_marker(struct drain *d, const struct journal_marker *marker,
				 uint64_t *takers)
{
	struct key dir = journal_marker_dir(marker);
	struct admission_claim claim = stack_claim(dir);

	if (!stack_try(d->cache, &claim))
		return BUSY;
	/* It may have been changed or removed before the admission: what is there now counts. */
	bool is_owed = layer_trusts_dir(journal_layer(d), dir) &&
		       journal_has_marker(d->journal, marker);
	enum verdict verdict = is_owed ? write_marker(d, marker, takers) : BUSY;
	stack_leave(d->cache, &claim);
	if (verdict == FAILED || verdict == UNREACHABLE)
		journal_count_failure(d->journal);
	return verdict;
}

/* --- a round ---------------------------------------------------------------------------------- */

struct round {
	int64_t newest; /* what has a higher number is for the next one */
	int64_t seqs[BATCH_MAX];
	uint64_t takers[BATCH_MAX];
	size_t count;
	uint64_t bytes;
	bool more, busy, failed, unreachable, unreadable;
	bool progress;
};

/* The layers that have what they took for good; one that does not answer had it taken away. */
static uint64_t sync_layers(struct drain *d)
{
	uint64_t synced = 0;

	for (size_t i = d->first; i < d->cache->count; i++)
		if (layer_is_durable(d->cache->layers[i]) && layer_sync(d->cache->layers[i]) == 0)
			synced |= bit_of(d, i);
	return synced;
}

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
	uint64_t synced = sync_layers(d);
	for (size_t i = 0; i < r->count; i++)
		if (r->takers[i] & synced)
			r->seqs[count++] = r->seqs[i];
	bool some = count > 0 && journal_done(d->journal, r->seqs, count) == 0;
	bool all = some && count == r->count;
	if (some)
		layer_note_room(journal_layer(d));
	r->progress |= some;
	r->failed |= !all;
	r->count = 0;
	r->bytes = 0;
	tell_flushers(d);
	return all;
}

static void note(struct round *r, enum verdict verdict)
{
	r->busy |= verdict == BUSY;
	r->failed |= verdict == FAILED;
	r->unreachable |= verdict == UNREACHABLE;
}

static bool time_is_over(struct drain *d)
{
	lock_take(&d->lock);
	bool over = d->stop && time_mono_ms(d->cache->time) >= d->stop_ms;
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

	while (b->count < MARKERS_MAX && !r->unreachable && !time_is_over(d) &&
	       (rc = journal_next_marker(d->journal, &b->at)) > 0) {
		bool later = b->at.seq > r->newest;
		enum verdict verdict = later ? GONE : drain_marker(d, &b->at, &b->takers[b->count]);
		r->more |= later;
		note(r, verdict);
		if (verdict == WRITTEN)
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
	uint64_t synced = sync_layers(d);
	for (size_t i = 0; i < b->count; i++) {
		struct journal_marker marker = b->written[i];
		if (b->takers[i] & synced)
			b->written[count++] = marker;
		else
			journal_marker_fini(&marker);
	}
	bool some = count > 0 && journal_markers_done(d->journal, b->written, count) == 0;
	bool all = some && count == b->count;
	r->progress |= some;
	r->failed |= !all;
	while (count > 0)
		journal_marker_fini(&b->written[--count]);
	b->count = 0;
	return all;
}

/* Through the markers once. */
static void run_markers(struct drain *d, struct round *r)
{
	if (!journal_has_markers(d->journal))
		return;
	struct marker_batch *batch = calloc(1, sizeof(*batch));
	r->failed |= !batch;
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

	*r = (struct round){ .newest = journal_newest(d->journal) };
	run_markers(d, r);
	while (!r->unreachable && !time_is_over(d) &&
	       (rc = journal_next(d->journal, item.seq, &item)) > 0) {
		if (item.seq > r->newest) {
			r->more = true;
			break;
		}
		enum verdict verdict = drain_row(d, &item, &r->takers[r->count]);
		note(r, verdict);
		if (verdict != WRITTEN)
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
	return r->failed || r->unreachable || r->unreadable;
}

/* A change of state is worth a line. */
static void report(struct drain *d, const struct round *r)
{
	bool failing = has_failed(r);

	if (failing && !d->failing)
		log_warning("journal: %s; trying again",
			    r->unreadable ? "it cannot be read"
			    : r->unreachable
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
	return r->busy ? BUSY_PAUSE_MS : r->more ? 0 : -1;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Waits for something new, or the pause. While the layers fail, what is new does not end it. */
static void wait_for_work(struct drain *d, int64_t pause_ms)
{
	struct deadline until = deadline_in(d->cache->time, pause_ms < 0 ? 0 : pause_ms);

	lock_take(&d->lock);
	while (!d->stop && !d->urgent && (d->failing || !d->nudged)) {
		if (pause_ms < 0)
			condition_wait(&d->work, &d->lock);
		else if (!condition_wait_until(&d->work, &d->lock, &until))
			break;
	}
	struct deadline linger = deadline_in(d->cache->time, LINGER_MS);
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
	return stop && (journal_is_empty(d->journal) || r->unreachable ||
			((r->failed || r->unreadable) && !r->progress) || time_is_over(d));
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
	d->cache = c;
	d->journal = journal;
	d->first = first;
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
		d->cache->time, at_most_ms < FLUSH_POLL_MS ? at_most_ms : FLUSH_POLL_MS);

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
	int64_t newest = journal_newest(d->journal);
	int64_t end_ms = time_mono_ms(d->cache->time) + deadline_ms;

	while (journal_owes(d->journal, prefix, newest)) {
		int64_t left = end_ms - time_mono_ms(d->cache->time);
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
	d->stop_ms = time_mono_ms(d->cache->time) + timeout_ms;
	pthread_cond_signal(&d->work);
	lock_release(&d->lock);
	pthread_join(d->thread, NULL);
	journal_stats(d->journal, &stats);
	if (stats.entries > 0)
		log_warning("journal: %llu entries are left for the next start",
			    (unsigned long long)stats.entries);
	pthread_cond_destroy(&d->work);
	pthread_cond_destroy(&d->drained);
	lock_fini(&d->lock);
	free(d);
}
