/*
 * Renames a directory over the stack: layered_rename_prefix(). In a stack that a crash or a failing
 * layer can leave with layers that differ, the move is recorded before the first layer moves
 * anything (debts.h), and before that the layers apply what they missed of the directories. Layers
 * move one after the other, some of them key by key; the admission of both ranges keeps changes out
 * meanwhile. If no durable layer could move, those that have begun move back; otherwise those that
 * failed catch up later.
 */
#include "stack/move.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "kit/marker.h"
#include "base/log.h"
#include "stack/write_back.h"

struct move {
	struct layered *cache;
	struct key from, to;
	bool recorded;
	int64_t id;
	/* The durable layers, the journal first: what it holds is newest. */
	struct layer *layers[STACK_MAX];
	bool lags[STACK_MAX]; /* what it holds of the directories is not what it should be */
	int results[STACK_MAX];
	bool begun[STACK_MAX];
	size_t count;
};

/* With one durable layer on this machine there is nobody to disagree with. */
static bool needs_record(const struct layered *c)
{
	bool remote = false;

	for (size_t i = 0; i < c->conf->layer_count; i++)
		remote |= c->conf->layers[i].backend->remote;
	return c->state && (c->durable_count > 1 || remote);
}

static void line_up(struct move *m)
{
	struct layered *c = m->cache;

	for (int journal = 1; journal >= 0; journal--)
		for (size_t i = 0; i < c->durable_count; i++)
			if (stack_is_journal(c, c->order[i]) == (journal == 1))
				m->layers[m->count++] = c->order[i];
}

/* What cannot tell now is asked again when it can move. */
static int check_lengths(const struct move *m)
{
	struct layered *c = m->cache;

	if (m->to.size <= m->from.size)
		return 0;
	for (size_t i = 0; i < c->count; i++)
		if (layer_check_move(c->layers[i], m->from, m->to) == -ENAMETOOLONG)
			return -ENAMETOOLONG;
	return 0;
}

static size_t names_of(const struct move *m, const char *names[STACK_MAX])
{
	for (size_t i = 0; i < m->count; i++)
		names[i] = layer_name(m->layers[i]);
	return m->count;
}

/* The journal lags only if the state cannot be written, and must not drop anything. */
static int settle(struct move *m)
{
	for (size_t i = 0; i < m->count; i++) {
		m->lags[i] = !layer_settle(m->layers[i], m->from, m->to);
		if (m->lags[i] && stack_is_journal(m->cache, m->layers[i]))
			return -EIO;
	}
	return 0;
}

static int record(struct move *m)
{
	const char *names[STACK_MAX];

	if (!needs_record(m->cache))
		return 0;
	int rc = settle(m);
	if (rc == 0)
		rc = debts_state_add_move(m->cache->state, names, m->lags, names_of(m, names),
					  m->from, m->to, &m->id);
	m->recorded = rc == 0;
	return rc;
}

static void missed_both(struct layered *c, struct layer *l, struct key from, struct key to)
{
	struct key_buffer marker;

	stack_missed(c, l, marker_key(&marker, from), DEBT_PREFIX);
	stack_missed(c, l, marker_key(&marker, to), DEBT_PREFIX);
	stack_missed(c, l, from, DEBT_KEY);
	stack_missed(c, l, to, DEBT_KEY);
}

/*
 * The layers that did it, or never will, owe no move any more. If that cannot be written down
 * they keep it as moved, so that nobody forgets to take the row out.
 */
static void forget(struct move *m, struct key from, struct key to)
{
	const char *names[STACK_MAX];
	struct layer *over[STACK_MAX];
	size_t count = 0;

	for (size_t i = 0; i < m->count; i++) {
		bool pending = m->results[i] < 0 && m->begun[i] && m->recorded && !m->lags[i] &&
			       layer_catches_up(m->layers[i], m->id, from, to);
		if (pending)
			continue;
		if (m->results[i] < 0 && m->begun[i])
			missed_both(m->cache, m->layers[i], from, to);
		over[count] = m->layers[i];
		names[count++] = layer_name(m->layers[i]);
	}
	if (count < m->count)
		stack_tell_soon(m->cache);
	if (!m->recorded)
		return;
	if (debts_state_forget_move(m->cache->state, names, count, m->id) == 0)
		return;
	for (size_t i = 0; i < count; i++)
		layer_moved(over[i], m->id, from, to);
	stack_tell_soon(m->cache);
}

/* No durable layer did it: it has not happened. What may have begun is turned around first, so that
 * a crash from here on leads back. */
static void move_back(struct move *m)
{
	const char *names[STACK_MAX];
	bool ignored;

	if (!m->recorded)
		return;
	if (debts_state_reverse_move(m->cache->state, names, names_of(m, names), m->id) < 0)
		log_error("state: the rename of a directory that failed cannot be turned around");
	for (size_t i = 0; i < m->count; i++)
		if (m->begun[i])
			m->results[i] = layer_move(m->layers[i], m->to, m->from, &ignored);
	forget(m, m->to, m->from);
}

/* The layers that are not durable follow: their entries are copies. */
static void move_copies(struct move *m)
{
	struct layered *c = m->cache;
	bool ignored;

	for (size_t i = c->durable_count; i < c->count; i++)
		if (layer_move(c->order[i], m->from, m->to, &ignored) < 0)
			missed_both(c, c->order[i], m->from, m->to);
	if (c->markers)
		layer_move(c->markers, m->from, m->to, &ignored);
}

/*
 * The journal may hold little of the directory, or nothing: that it did it counts where all the
 * others are away, whose entries nobody gets meanwhile. One that answers, and does not move, has
 * entries that would be missed.
 */
static int move_durable(struct move *m)
{
	int failure = 0;
	bool moved = m->count == 0, by_journal = false;

	for (size_t i = 0; i < m->count; i++) {
		bool is_journal = stack_is_journal(m->cache, m->layers[i]);
		int rc = layer_move(m->layers[i], m->from, m->to, &m->begun[i]);
		m->results[i] = rc;
		by_journal |= is_journal && rc == 0;
		moved |= !is_journal && rc == 0;
		if (rc < 0 && (failure == 0 || failure == -EHOSTDOWN))
			failure = rc;
		/* It is in the state, whose trouble would be everybody's. */
		if (is_journal && rc < 0)
			break;
	}
	if (moved || (by_journal && failure == -EHOSTDOWN))
		return 0;
	return failure == -EHOSTDOWN ? -EIO : failure;
}

static int run(struct move *m)
{
	line_up(m);
	int rc = check_lengths(m);
	if (rc == 0)
		rc = write_back_clear(m->cache, m->to);
	if (rc == 0)
		rc = record(m);
	if (rc < 0)
		return rc;
	rc = move_durable(m);
	if (rc < 0) {
		move_back(m);
		return rc;
	}
	/* One that missed other changes there was not asked at all. */
	for (size_t i = 0; i < m->count; i++)
		m->begun[i] = true;
	forget(m, m->from, m->to);
	move_copies(m);
	return 0;
}

int layered_rename_prefix(struct layered *c, struct key from, struct key to,
			  const struct layered_hooks *hooks)
{
	struct key_buffer below_from, below_to; /* and the directories' own keys: see admission.c */
	struct admission_claim claim = { .spans = { { marker_key(&below_from, from), true },
						    { marker_key(&below_to, to), true } },
					 .span_count = 2 };
	struct move m = { .cache = c, .from = from, .to = to };

	int rc = stack_enter(c, &claim);
	bool admitted = rc == 0;
	if (rc == 0 && hooks && hooks->prepare)
		rc = hooks->prepare(hooks->self);
	if (rc == 0 && !key_equal(from, to))
		rc = run(&m);
	if (hooks && hooks->done)
		hooks->done(hooks->self, rc);
	if (admitted)
		stack_leave(c, &claim);
	return rc;
}

void move_finish(struct layered *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct layer *l = c->layers[i];
		struct debt debt;
		unsigned finished = 0;
		int rc = 0;
		while (layer_first_debt(l, &debt) && debt.kind == DEBT_MOVE &&
		       (rc = layer_tell(l, &debt)) == 0)
			finished++;
		if (finished > 0)
			log_info("layer \"%s\": finished %u renames of directories that had begun "
				 "in an earlier run",
				 layer_name(l), finished);
		if (rc < 0)
			log_warning("layer \"%s\": the rename of a directory that had begun in an "
				    "earlier run goes on when it answers; what it holds there is "
				    "ignored until then",
				    layer_name(l));
	}
}
