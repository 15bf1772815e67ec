/* The entries of one layer on the heap, and the passes over them. See memory/store.h. */
#include "memory/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { EAGER_STEPS = 16 }; /* expired ones that an operation removes as it passes */

/* --- passes ----------------------------------------------------------------------------------- */

/* What is true whenever nobody has the lock. A limit holds for what is in the stores: what is lent
 * as well may lie above it. */
static void check_locked(const struct memory *m)
{
	const struct memory_conf *c = m->conf;

	assert(lock_is_held(&m->lock));
	assert(m->entries.count > 0 || m->entries.bytes == 0);
	assert(c->max_entries == 0 || m->entries.count <= c->max_entries);
	assert(c->max_bytes == 0 || m->entries.bytes <= c->max_bytes);
	assert((m->lent_first == NULL) == (m->lent_last == NULL));
	assert((m->lent_first == NULL) == (m->lent_bytes == 0));
	assert(!m->lent_first || !m->env->copy_on_get);
	(void)c;
}

/* What the layer still pays for after it has left the stores. */
static bool is_lent(const struct memory *m, const struct entry *e)
{
	return !m->env->copy_on_get && e->value && value_is_held(e->value);
}

static void lend(struct memory *m, struct entry *e)
{
	assert(e->charge > 0);
	e->link = NULL;
	*(m->lent_last ? &m->lent_last->link : &m->lent_first) = e;
	m->lent_last = e;
	m->lent_bytes += e->charge;
}

static struct entry *lent_take(struct memory *m)
{
	struct entry *e = m->lent_first;

	if (!e)
		return NULL;
	m->lent_first = e->link;
	if (!m->lent_first)
		m->lent_last = NULL;
	assert(m->lent_bytes >= e->charge);
	m->lent_bytes -= e->charge;
	return e;
}

/* Whose last reader has closed is no longer charged. Those still open go round to the end. */
static void collect_lent(struct pass *p)
{
	struct entry *last = p->m->lent_last, *e;

	for (int i = 0; i < PASS_STEPS && (e = lent_take(p->m)) != NULL; i++) {
		if (is_lent(p->m, e)) {
			lend(p->m, e);
		} else {
			e->link = p->dead;
			p->dead = e;
		}
		if (e == last)
			break;
	}
}

void pass_bury(struct pass *p, struct entry *e)
{
	assert(lock_is_held(&p->m->lock));
	if (is_lent(p->m, e)) {
		/* Its remains: what is told of it must not wait for its readers. */
		struct entry *remains = entry_new(e->key, e->value, NULL);
		if (remains) {
			remains->charge = e->charge;
			lend(p->m, remains);
		}
	}
	e->link = p->dead;
	p->dead = e;
}

void pass_lose(struct pass *p, struct entry *e)
{
	assert(lock_is_held(&p->m->lock) && !e->lost);
	if (meta_is_expired(&e->meta, p->now)) {
		p->m->expiries++;
		entries_take(&p->m->entries, e);
	} else {
		p->m->evictions++;
		entries_evict(&p->m->entries, e);
	}
	e->lost = true;
	pass_bury(p, e);
}

void pass_begin(struct pass *p, struct memory *m)
{
	*p = (struct pass){ .m = m, .now = time_instant(m->env->time) };
	lock_take(&m->lock);
	check_locked(m);
	for (int i = 0; m->conf->eager_expiry && i < EAGER_STEPS; i++) {
		struct entry *due = entries_due(&m->entries, p->now);
		if (!due)
			break;
		pass_lose(p, due);
	}
}

void pass_end(struct pass *p)
{
	check_locked(p->m);
	lock_release(&p->m->lock);
	while (p->dead) {
		struct entry *e = p->dead;
		p->dead = e->link;
		if (e->lost)
			p->m->env->gone(p->m->env->self, e->key);
		entry_free(e);
	}
}

struct entry *pass_live(struct pass *p, struct key key)
{
	assert(lock_is_held(&p->m->lock));
	struct entry *e = entries_find(&p->m->entries, key);

	if (e && meta_is_expired(&e->meta, p->now)) {
		pass_lose(p, e);
		return NULL;
	}
	return e;
}

/* Whether an entry of `charge` bytes fits in, in the place of `old` (may be NULL). */
static bool fits(const struct memory *m, const struct entry *old, uint64_t charge)
{
	const struct entries *s = &m->entries;
	uint64_t freed = old && !is_lent(m, old) ? old->charge : 0;

	if (m->conf->max_entries > 0 && s->count + (old ? 0 : 1) > m->conf->max_entries)
		return false;
	return m->conf->max_bytes == 0 ||
	       s->bytes + m->lent_bytes - freed + charge <= m->conf->max_bytes;
}

bool memory_fits_alone(const struct memory *m, uint64_t charge)
{
	return m->conf->max_bytes == 0 || charge <= m->conf->max_bytes;
}

int pass_make_room(struct pass *p, const struct entry *old, uint64_t charge, int steps)
{
	assert(lock_is_held(&p->m->lock) && memory_fits_alone(p->m, charge));
	if (!fits(p->m, old, charge))
		collect_lent(p);
	for (int i = 0; !fits(p->m, old, charge); i++) {
		struct entry *victim = entries_victim(&p->m->entries, old, p->now);
		if (i == steps)
			return -EAGAIN;
		if (!victim)
			return -ENOSPC;
		pass_lose(p, victim);
	}
	return 0;
}

/* --- opening and closing ---------------------------------------------------------------------- */

/* Removes what has expired; true: there may be more. */
static bool clean_some(struct memory *m)
{
	struct pass p;
	int i = 0;

	pass_begin(&p, m);
	for (; i < PASS_STEPS; i++) {
		struct entry *due = entries_due(&m->entries, p.now);
		if (!due)
			break;
		pass_lose(&p, due);
	}
	pass_end(&p);
	return i == PASS_STEPS;
}

static void *cleaner_run(void *argument)
{
	struct memory *m = argument;

	lock_take(&m->lock);
	while (!m->stopping) {
		struct deadline deadline = deadline_in(m->env->time, m->conf->cleanup_ms);
		if (condition_wait_until(&m->stop_cleaner, &m->lock, &deadline))
			continue;
		lock_release(&m->lock);
		while (clean_some(m))
			;
		lock_take(&m->lock);
	}
	lock_release(&m->lock);
	return NULL;
}

int memory_start(const struct memory_conf *conf, const struct entries_policy *policy,
		 const struct backend_env *env, void **state, struct problem *problem)
{
	struct memory *m = calloc(1, sizeof(*m));

	if (!m)
		return problem_set(problem, NULL, NULL, "out of memory");
	m->conf = conf;
	m->env = env;
	if (entries_init(&m->entries, policy) < 0 || entries_init(&m->markers, &entries_keep) < 0) {
		entries_fini(&m->entries);
		free(m);
		return problem_set(problem, NULL, NULL, "out of memory");
	}
	lock_init(&m->lock, RANK_LAYER);
	condition_init(&m->stop_cleaner);
	if (conf->cleanup_ms > 0) {
		m->has_cleaner = pthread_create(&m->cleaner, NULL, cleaner_run, m) == 0;
		if (!m->has_cleaner) {
			memory_close(m);
			return problem_set(problem, NULL, NULL, "cannot start a thread");
		}
	}
	*state = m;
	return 0;
}

void memory_close(void *state)
{
	struct memory *m = state;
	struct entry *e;

	if (m->has_cleaner) {
		lock_take(&m->lock);
		m->stopping = true;
		pthread_cond_signal(&m->stop_cleaner);
		lock_release(&m->lock);
		pthread_join(m->cleaner, NULL);
	}
	while ((e = lent_take(m)) != NULL)
		entry_free(e);
	assert(m->lent_bytes == 0);
	entries_fini(&m->entries);
	entries_fini(&m->markers);
	pthread_cond_destroy(&m->stop_cleaner);
	lock_fini(&m->lock);
	free(m);
}

/* --- the rest --------------------------------------------------------------------------------- */

int memory_sync(void *state)
{
	(void)state;
	return 0;
}

void memory_usage(void *state, struct layer_usage *usage)
{
	struct memory *m = state;
	struct pass p;

	pass_begin(&p, m);
	collect_lent(&p);
	*usage = (struct layer_usage){
		.entries = m->entries.count,
		.bytes = m->entries.bytes + m->lent_bytes,
		.max_entries = m->conf->max_entries,
		.max_bytes = m->conf->max_bytes,
		.evictions = m->evictions,
		.expiries = m->expiries,
	};
	pass_end(&p);
}
