/* See write_back.h. */
#include "stack/write_back.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kit/marker.h"
#include "stack/drain.h"
#include "ledger/journal_queue.h"
#include "base/log.h"

struct write_back {
	struct journal *journal;
	struct layer_spec spec;
	struct layer *layer;                 /* the journal, in the stack */
	bool inserted;                       /* and closed with it */
	size_t index;                        /* of it */
	bool on;                             /* sets go to it; else it is only drained */
	atomic_uint_fast64_t passed, synced; /* sets that were written through, counted */
	struct drain *drain;
};

/* --- opening ---------------------------------------------------------------------------------- */

static bool is_worth_it(const struct cache_conf *conf)
{
	for (size_t i = 1; i < conf->layer_count; i++)
		if (conf->layers[i].backend->durable)
			return true;
	return false;
}

static int open_journal(struct layered *c, struct write_back *w, struct problem *problem)
{
	struct journal_conf conf = { c->conf->journal_max_bytes, c->conf->journal_wait_ms };
	int rc = journal_open(c->state, &conf, c->time, &w->journal);

	if (rc < 0)
		return problem_set(problem, state_dir(c->state), NULL,
				   "cannot read the write-back journal: %s", strerror(-rc));
	static char name[] = "journal";
	w->spec = (struct layer_spec){
		.backend = &backend_journal,
		.name = name,
		.common = { .default_ttl_ms = -1,
			    .max_ttl_ms = -1,
			    .copy_on_get = true,
			    .stats_enabled = true },
		.conf = &w->journal,
	};
	static const struct layer_events nobody = { 0 };

	return layer_open(&w->spec, c->time, &nobody, &w->layer, problem);
}

/* Below the fastest layer; if it is only drained, on top, for what it has is newest. */
static void insert(struct layered *c, struct write_back *w)
{
	assert(!c->journal && c->count + 1 <= STACK_MAX);
	w->index = w->on ? 1 : 0;
	memmove(c->layers + w->index + 1, c->layers + w->index,
		(c->count - w->index) * sizeof(struct layer *));
	c->layers[w->index] = w->layer;
	c->count++;
	c->durable_count++;
	w->inserted = true;
	c->journal = w->layer;
}

static void report(const struct write_back *w)
{
	struct journal_stats stats;

	journal_stats(w->journal, &stats);
	if (stats.entries > 0)
		log_info("journal: %llu entries of an earlier run are to be written to the layers",
			 (unsigned long long)stats.entries);
}

static void report_left(const struct write_back *w)
{
	struct journal_stats stats;

	journal_stats(w->journal, &stats);
	if (stats.entries > 0)
		log_warning(
			"journal: %llu entries of an earlier run stay in it, and are not shown: "
			"no layer of this configuration would keep them",
			(unsigned long long)stats.entries);
}

int write_back_open(struct layered *c, struct problem *problem)
{
	bool wanted = c->conf->write_strategy == WRITE_BACK && is_worth_it(c->conf);

	if (c->conf->write_strategy == WRITE_BACK && !wanted)
		log_warning("write_back: no slower layer is durable; sets are written through");
	if (!c->state)
		return 0;
	struct write_back *w = calloc(1, sizeof(*w));
	if (!w)
		return problem_set(problem, NULL, NULL, "out of memory");
	c->write_back = w;
	w->on = wanted;
	int rc = open_journal(c, w, problem);
	if (rc < 0)
		return rc;
	if (!w->on && (journal_is_empty(w->journal) || c->durable_count == 0)) {
		report_left(w);
		write_back_close(c);
		return 0;
	}
	insert(c, w);
	report(w);
	if (layer_remember(w->layer, c->state) < 0)
		return problem_set(problem, state_dir(c->state), NULL,
				   "cannot read what was being renamed");
	return 0;
}

int write_back_start(struct layered *c, struct problem *problem)
{
	struct write_back *w = c->write_back;

	if (w)
		w->drain = drain_start(c, w->journal, w->index + 1);
	return !w || w->drain ? 0 : problem_set(problem, NULL, NULL, "cannot start a thread");
}

void write_back_ending(struct layered *c)
{
	struct write_back *w = c->write_back;

	if (w)
		journal_ending(w->journal);
	if (w && w->drain)
		drain_ending(w->drain);
}

void write_back_stop(struct layered *c)
{
	struct write_back *w = c->write_back;

	if (w && w->drain)
		drain_stop(w->drain, c->conf->drain_timeout_ms);
	if (w)
		w->drain = NULL;
}

void write_back_close(struct layered *c)
{
	struct write_back *w = c->write_back;

	if (!w)
		return;
	if (w->layer && !w->inserted)
		layer_close(w->layer);
	if (w->journal)
		journal_close(w->journal);
	free(w);
	c->journal = NULL;
	c->write_back = NULL;
}

bool write_back_is_on(const struct layered *c)
{
	return c->write_back && c->write_back->on;
}

/* --- reads ------------------------------------------------------------------------------------ */

static int look(struct layered *c, struct key key)
{
	struct meta meta = { 0 };

	if (!c->write_back || journal_is_empty(c->write_back->journal))
		return -ENOENT;
	int rc = layer_stat(c->write_back->layer, key, &meta);
	meta_fini(&meta);
	return rc;
}

bool write_back_hides(struct layered *c, struct key key)
{
	return c->write_back && journal_may_hide(c->write_back->journal) &&
	       look(c, key) == -ENODATA;
}

bool write_back_is_slower(const struct layered *c, const struct layer *l)
{
	for (size_t i = 0; c->write_back && i <= c->write_back->index; i++)
		if (c->layers[i] == l)
			return false;
	return c->write_back != NULL;
}

bool write_back_supersedes(struct layered *c, const struct layer *l, struct key key)
{
	return write_back_is_slower(c, l) && look(c, key) != -ENOENT;
}

/* --- changes ---------------------------------------------------------------------------------- */

int write_back_set(struct layered *c, struct key key, struct value *value, const struct meta *meta)
{
	struct layer *fast = c->layers[0];

	assert(write_back_is_on(c) && !stack_is_journal(c, fast));
	int rc = layer_set(c->write_back->layer, key, value, meta, end_none());
	if (rc < 0)
		return rc;
	struct value *copy = layer_is_durable(fast) ? value_ref(value)
						    : stack_value_for_volatile(c, value);
	struct end limit = stack_limit(c, fast, meta->own);
	if (!copy || layer_set(fast, key, copy, meta, limit) < 0)
		stack_drop(c, fast, key);
	value_unref(copy);
	drain_soon(c->write_back->drain);
	return 0;
}

int write_back_foresee(struct layered *c, struct key key, uint64_t size)
{
	return layer_foresee(c->write_back->layer, key, size);
}

int write_back_dir_set(struct layered *c, struct key dir, const struct meta *meta)
{
	struct write_back *w = c->write_back;

	if (!w || (!w->on && !journal_owes(w->journal, dir, INT64_MAX)))
		return -EFBIG;
	int rc = layer_dir_set(w->layer, dir, meta);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < w->index; i++)
		if (layer_is_durable(c->layers[i]) && layer_dir_set(c->layers[i], dir, meta) < 0)
			stack_missed(c, c->layers[i], dir, DEBT_MARKER);
	drain_soon(w->drain);
	return 0;
}

int write_back_sync_state(struct layered *c)
{
	return c->write_back ? layer_sync(c->write_back->layer) : state_sync(c->state);
}

void write_back_passed(struct layered *c)
{
	if (c->write_back)
		atomic_fetch_add(&c->write_back->passed, 1);
}

uint64_t write_back_passed_count(const struct layered *c)
{
	return c->write_back ? atomic_load(&c->write_back->passed) : 0;
}

bool write_back_needs_sync(const struct layered *c, uint64_t passed_count)
{
	return !write_back_is_on(c) || atomic_load(&c->write_back->synced) < passed_count;
}

/* A slower one that ends later may set it back: then there is a sync too many. */
void write_back_note_synced(struct layered *c, uint64_t passed_count)
{
	if (c->write_back)
		atomic_store(&c->write_back->synced, passed_count);
}

int write_back_temp_file(struct layered *c)
{
	return write_back_is_on(c) ? layer_temp_file(c->write_back->layer) : -ENOTSUP;
}

int write_back_touch(struct layered *c, struct key key, const struct meta *meta, unsigned fields)
{
	if (!c->write_back)
		return -ENOENT;
	int rc = layer_touch(c->write_back->layer, key, meta, fields, end_none());
	if (rc == 0)
		drain_soon(c->write_back->drain);
	return rc == -EHOSTDOWN ? -EIO : rc;
}

/*
 * Sees to it that the journal has the entry, and keeps it while the change is admitted. The drain
 * may have written the row that is there, and be about to take it out: a touch gives it another
 * number. An entry that only layers have is put in. -ENOENT: it has expired by now.
 */
static int hold_in_journal(struct layered *c, struct key key)
{
	struct value *value = NULL;
	struct meta meta = { 0 };
	int failure = -ENOENT, rc = write_back_touch(c, key, &meta, 0);

	if (rc != -ENOENT)
		return rc;
	/* What lies behind -ENODATA is older than what was to be moved. */
	for (size_t i = 0; i < c->count && rc < 0 && rc != -ENODATA; i++) {
		rc = layer_peek(c->layers[i], key, &value, &meta);
		if (rc < 0 && rc != -ENOENT && rc != -ENODATA)
			failure = -EIO;
	}
	if (rc < 0)
		return failure;
	rc = layer_set(c->write_back->layer, key, value, &meta, end_none());
	value_unref(value);
	meta_fini(&meta);
	return rc;
}

static int remove_from_slower(struct layered *c, struct key key)
{
	for (size_t i = c->write_back->index + 1; i < c->count; i++)
		if (stack_drop(c, c->layers[i], key) < 0)
			return -EIO;
	return 0;
}

int write_back_rename(struct layered *c, struct key from, struct key to)
{
	struct write_back *w = c->write_back;

	if (!w)
		return -EALREADY;
	if (look(c, from) == -ENOENT && look(c, to) == -ENOENT)
		return -EALREADY;
	int rc = hold_in_journal(c, from);
	if (rc < 0)
		return rc;
	rc = remove_from_slower(c, from);
	if (rc == 0)
		rc = layer_rename(w->layer, from, to);
	drain_soon(w->drain);
	if (rc < 0)
		return rc == -ENOENT ? -EIO : rc;
	for (size_t i = 0; i < w->index; i++) {
		rc = layer_rename(c->layers[i], from, to);
		if (rc < 0) {
			stack_drop(c, c->layers[i], to);
			if (rc != -ENOENT)
				stack_drop(c, c->layers[i], from);
		}
	}
	return 0;
}

int write_back_clear(struct layered *c, struct key to)
{
	struct write_back *w = c->write_back;
	struct key_buffer marker;
	struct key below = marker_key(&marker, to);

	if (!w || !journal_owes(w->journal, to, INT64_MAX))
		return 0;
	for (size_t i = w->index + 1; i < c->count; i++) {
		struct layer *l = c->layers[i];
		int rc = layer_remove_prefix(l, below);
		if (rc < 0 && rc != -ENOENT)
			rc = stack_missed(c, l, below, DEBT_PREFIX);
		if (rc < 0 && rc != -ENOENT)
			return -EIO;
	}
	int rc = remove_from_slower(c, to);
	if (rc == 0)
		rc = layer_remove_prefix(w->layer, below);
	if (rc == 0 || rc == -ENOENT)
		rc = layer_remove(w->layer, to);
	return rc == -ENOENT ? 0 : rc;
}

/* --- the rest of layered.h -------------------------------------------------------------------- */

int layered_flush(struct layered *c, struct key prefix, int64_t deadline_ms)
{
	return c->write_back ? drain_flush(c->write_back->drain, prefix, deadline_ms) : 0;
}

void write_back_stats(const struct layered *c, struct journal_stats *stats)
{
	if (c->write_back)
		journal_stats(c->write_back->journal, stats);
	else
		*stats = (struct journal_stats){ 0 };
}
