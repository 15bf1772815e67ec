/* See drain.h. It works in rounds: a batch of rows is written, the layers are synced, the rows are
 * taken out in one transaction. */
#include "drain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lock.h"
#include "log.h"

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
	int64_t stop_ms; /* when to end, once stop is set */
};

/* What one row came to. */
enum verdict { WRITTEN, GONE, BUSY, FAILED, UNREACHABLE };

/* --- one row ---------------------------------------------------------------------------------- */

static void drop(struct drain *d, struct layer *l, struct key key)
{
	int rc = layer_remove(l, key);

	if (rc == 0 || rc == -ENOENT)
		return;
	layer_distrust(l, key, DISTRUST_KEY);
	stack_tell_soon(d->cache);
}

static bool is_unreachable(int rc)
{
	return rc == -EHOSTDOWN || rc == -EIO || rc == -ETIMEDOUT;
}

/* The durable layers, slowest first; the others only get what a durable one has. */
static enum verdict write_row(struct drain *d, struct key key, struct value *value,
			      const struct meta *meta)
{
	struct layered *c = d->cache;
	bool failed[STACK_MAX] = { false };
	bool taken = false, all_unreachable = true;

	for (size_t i = c->count; i-- > d->first;) {
		if (!layer_is_durable(c->layers[i]))
			continue;
		int rc = layer_set(c->layers[i], key, value, meta);
		failed[i] = rc < 0;
		taken |= rc == 0;
		all_unreachable &= rc < 0 && is_unreachable(rc);
	}
	if (!taken)
		return all_unreachable ? UNREACHABLE : FAILED;
	struct value *copy = stack_value_for_volatile(c, value);
	for (size_t i = c->count; i-- > d->first;) {
		struct layer *l = c->layers[i];
		if (layer_is_durable(l) ? failed[i] : !copy || layer_set(l, key, copy, meta) < 0)
			drop(d, l, key);
	}
	value_unref(copy);
	return WRITTEN;
}

/* The slower layers have an older value, which is over as well. */
static void drop_all(struct drain *d, struct key key)
{
	for (size_t i = d->first; i < d->cache->count; i++)
		drop(d, d->cache->layers[i], key);
	atomic_fetch_add(&d->cache->uncovered, 1);
}

static enum verdict write_admitted(struct drain *d, const struct journal_item *item)
{
	struct key key = key_make(item->key.bytes, item->key.size);
	struct value *value = NULL;
	struct meta meta = { 0 };

	int rc = journal_load(d->journal, item, &value, &meta);
	if (rc == -ESTALE)
		return GONE;
	if (rc == -ENODATA || rc == -EBADMSG) {
		drop_all(d, key);
		return rc == -ENODATA                             ? WRITTEN
		       : journal_set_aside(d->journal, item) == 0 ? GONE
								  : FAILED;
	}
	if (rc < 0)
		return FAILED;
	enum verdict verdict = write_row(d, key, value, &meta);
	value_unref(value);
	meta_fini(&meta);
	return verdict;
}

static enum verdict drain_row(struct drain *d, const struct journal_item *item)
{
	struct admission_claim claim = stack_claim(key_make(item->key.bytes, item->key.size));

	if (!stack_try(d->cache, &claim))
		return BUSY;
	enum verdict verdict = write_admitted(d, item);
	stack_leave(d->cache, &claim);
	if (verdict == FAILED || verdict == UNREACHABLE)
		journal_count_failure(d->journal);
	return verdict;
}

/* --- markers ---------------------------------------------------------------------------------- */

static enum verdict write_marker(struct drain *d, const struct journal_marker *marker)
{
	struct layered *c = d->cache;
	bool taken = false, all_unreachable = true;

	for (size_t i = c->count; i-- > d->first;) {
		if (!layer_is_durable(c->layers[i]))
			continue;
		int rc = layer_dir_set(c->layers[i], journal_marker_dir(marker), &marker->meta);
		taken |= rc == 0;
		all_unreachable &= rc < 0 && is_unreachable(rc);
	}
	return taken ? WRITTEN : all_unreachable ? UNREACHABLE : FAILED;
}

/* Fills `marker` with the next one, and writes it. GONE: there is none. */
static enum verdict drain_marker(struct drain *d, struct journal_marker *marker)
{
	if (!journal_next_marker(d->journal, marker))
		return GONE;
	struct admission_claim claim = stack_claim(journal_marker_dir(marker));
	if (!stack_try(d->cache, &claim))
		return BUSY;
	/* It may have been changed or removed before the admission: what is there now counts. */
	enum verdict verdict = journal_has_marker(d->journal, marker) ? write_marker(d, marker)
								      : BUSY;
	stack_leave(d->cache, &claim);
	if (verdict == FAILED || verdict == UNREACHABLE)
		journal_count_failure(d->journal);
	return verdict;
}

/* --- a round ---------------------------------------------------------------------------------- */

/* Every durable layer has what it took, for good; one that does not answer had it taken away. */
static bool sync_layers(struct drain *d)
{
	bool any = false;

	for (size_t i = d->first; i < d->cache->count; i++)
		if (layer_is_durable(d->cache->layers[i]))
			any |= layer_sync(d->cache->layers[i]) == 0;
	return any;
}

struct round {
	int64_t seqs[BATCH_MAX];
	size_t count;
	uint64_t bytes;
	bool busy, failed, unreachable;
	bool progress;
};

static bool take_out(struct drain *d, struct round *r)
{
	if (r->count == 0)
		return true;
	bool done = sync_layers(d) && journal_done(d->journal, r->seqs, r->count) == 0;
	r->progress |= done;
	r->failed |= !done;
	r->count = 0;
	r->bytes = 0;
	lock_take(&d->lock);
	pthread_cond_broadcast(&d->drained);
	lock_release(&d->lock);
	return done;
}

static bool time_is_over(struct drain *d)
{
	lock_take(&d->lock);
	bool over = d->stop && time_mono_ms(&time_system) >= d->stop_ms;
	lock_release(&d->lock);
	return over;
}

/* Through the markers once, in batches of MARKERS_MAX. */
static void drain_markers(struct drain *d, struct round *r, struct journal_marker *written)
{
	struct journal_marker at = { .begun = false };
	enum verdict verdict;

	do {
		size_t count = 0;
		do {
			verdict = drain_marker(d, &at);
			r->busy |= verdict == BUSY;
			r->failed |= verdict == FAILED;
			r->unreachable |= verdict == UNREACHABLE;
			if (verdict == WRITTEN)
				journal_marker_take(&written[count++], &at);
			journal_marker_fini(&at);
		} while (verdict != GONE && verdict != UNREACHABLE && count < MARKERS_MAX);
		bool done = count == 0 || (sync_layers(d) &&
					   journal_markers_done(d->journal, written, count) == 0);
		r->progress |= done && count > 0;
		r->failed |= !done;
		while (count > 0)
			journal_marker_fini(&written[--count]);
		if (!done)
			return;
	} while (verdict != GONE && verdict != UNREACHABLE && !time_is_over(d));
}

static void run_markers(struct drain *d, struct round *r)
{
	struct journal_marker *written;

	if (!journal_has_markers(d->journal))
		return;
	written = calloc(MARKERS_MAX, sizeof(*written));
	if (written)
		drain_markers(d, r, written);
	r->failed |= !written;
	free(written);
	lock_take(&d->lock);
	pthread_cond_broadcast(&d->drained);
	lock_release(&d->lock);
}

/* Through the queue once. */
static void run_round(struct drain *d, struct round *r)
{
	struct journal_item item = { .seq = 0 };

	*r = (struct round){ .count = 0 };
	run_markers(d, r);
	while (!r->unreachable && !time_is_over(d) && journal_next(d->journal, item.seq, &item)) {
		switch (drain_row(d, &item)) {
		case WRITTEN:
			r->seqs[r->count++] = item.seq;
			r->bytes += item.size;
			break;
		case GONE:
			break;
		case BUSY:
			r->busy = true;
			break;
		case FAILED:
			r->failed = true;
			break;
		case UNREACHABLE:
			r->unreachable = true;
			break;
		}
		if (r->count == BATCH_MAX || r->bytes >= BATCH_BYTES)
			if (!take_out(d, r))
				break;
	}
	take_out(d, r);
}

/* A change of state is worth a line. */
static void report(struct drain *d, const struct round *r)
{
	bool failing = r->failed || r->unreachable;

	if (failing && !d->failing)
		log_warning("journal: the slower layers do not take what they are owed%s; trying "
			    "again",
			    r->unreachable ? " (none of them answers)" : "");
	else if (!failing && d->failing)
		log_info("journal: the slower layers take what they are owed again");
	d->failing = failing;
}

/* How long to wait before the next round; -1: until there is something new. */
static int64_t pause_after(struct drain *d, const struct round *r)
{
	if (r->failed || r->unreachable) {
		d->pause_ms = d->pause_ms == 0 || r->progress ? PAUSE_FIRST_MS : d->pause_ms * 2;
		if (d->pause_ms > PAUSE_MAX_MS)
			d->pause_ms = PAUSE_MAX_MS;
		return d->pause_ms;
	}
	d->pause_ms = 0;
	return r->busy ? BUSY_PAUSE_MS : -1;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Waits for something new, or the pause. While the layers fail, what is new does not end it. */
static void wait_for_work(struct drain *d, int64_t pause_ms)
{
	struct timespec until = time_deadline(pause_ms < 0 ? 0 : pause_ms);

	lock_take(&d->lock);
	while (!d->stop && !d->urgent && (d->failing || !d->nudged)) {
		if (pause_ms < 0)
			condition_wait(&d->work, &d->lock);
		else if (!condition_wait_until(&d->work, &d->lock, &until))
			break;
	}
	struct timespec linger = time_deadline(LINGER_MS);
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
			(r->failed && !r->progress) || time_is_over(d));
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

int drain_flush(struct drain *d, struct key prefix, int64_t deadline_ms)
{
	int64_t newest = journal_newest(d->journal);
	int64_t end_ms = time_mono_ms(&time_system) + deadline_ms;

	while (journal_owes(d->journal, prefix, newest)) {
		int64_t left = end_ms - time_mono_ms(&time_system);
		if (left <= 0)
			return -ETIMEDOUT;
		struct timespec until = time_deadline(left < FLUSH_POLL_MS ? left : FLUSH_POLL_MS);
		lock_take(&d->lock);
		d->urgent = true;
		pthread_cond_signal(&d->work);
		condition_wait_until(&d->drained, &d->lock, &until);
		lock_release(&d->lock);
	}
	return 0;
}

void drain_stop(struct drain *d, int64_t timeout_ms)
{
	struct journal_stats stats;

	lock_take(&d->lock);
	d->stop = true;
	d->stop_ms = time_mono_ms(&time_system) + timeout_ms;
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
