/*
 * Applies to a layer the changes that it missed, and moves directories: before a move the layer
 * applies the changes that it missed there. See layer.h.
 */
#include "stack/layer_call.h"
#include "stack/layer_check.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "kit/marker.h"

/*
 * It dropped what it had missed changes of, or has less than others of a directory that was
 * renamed: nobody else has removed that.
 */
static void note_settled(struct layer *l)
{
	atomic_store(&l->settled_ms, time_mono_ms(l->env.time));
}

/* --- tombstones ------------------------------------------------------------------------------- */

/* It has been told of it, as far as the backend goes. */
static int remove_missed(struct layer *l, struct key key, enum debt_kind kind)
{
	int64_t begun = layer_call_begin(l);
	int rc;

	if (kind == DEBT_KEY)
		rc = layer_call_end(l, LAYER_REMOVE, begun, l->backend->remove(l->state, key));
	else if (kind == DEBT_MARKER)
		rc = layer_call_end(l, LAYER_DIR_SET, begun, l->backend->dir_remove(l->state, key));
	else
		rc = layer_call_end(l, LAYER_REMOVE_PREFIX, begun,
				    l->backend->remove_prefix(l->state, key));
	note_settled(l);
	return rc == -ENOENT ? 0 : rc;
}

/* Tells it of a tombstone whose keys the caller has to itself. */
static int settle_one(struct layer *l, struct key key, enum debt_kind kind)
{
	int rc = remove_missed(l, key, kind);

	return rc < 0 ? rc : debts_forget(l->debts, key, kind);
}

/* Tells it all that it missed below dir. */
static int settle_below(struct layer *l, struct key dir)
{
	struct key_buffer marker, last = { .size = 0 };
	enum debt_kind last_kind = DEBT_MOVE;
	struct debt debt;
	int rc = 0;

	while (rc == 0 && debts_any_within(l->debts, marker_key(&marker, dir), &debt)) {
		struct key key = key_make(debt.key.bytes, debt.key.size);
		if (debt.kind == last_kind && key_equal(key, key_make(last.bytes, last.size)))
			return -EBUSY; /* another thread is about it */
		rc = settle_one(l, key, debt.kind);
		last = debt.key;
		last_kind = debt.kind;
	}
	return rc;
}

static int settle_key(struct layer *l, struct key key)
{
	unsigned owed = debts_owed(l->debts, DEBTS_OF_KEY, key);

	return owed & (OWES_REMOVAL | OWES_CLEARING) ? settle_one(l, key, DEBT_KEY) : 0;
}

/* An old copy would be believed under its new name, a new one would go. */
static int settle(struct layer *l, struct key from, struct key to)
{
	struct key_buffer marker;
	unsigned below_from = debts_owed(l->debts, DEBTS_OF_PREFIX, marker_key(&marker, from));
	unsigned below_to = debts_owed(l->debts, DEBTS_OF_PREFIX, marker_key(&marker, to));

	if (below_from & OWES_MOVE || below_to & OWES_REFUSE)
		return -EHOSTDOWN;
	/* Otherwise all that is there is to go. */
	int rc = below_from & OWES_CLEARING ? 0 : settle_below(l, from);
	if (rc == 0)
		rc = settle_below(l, to);
	if (rc == 0)
		rc = settle_key(l, from);
	return rc == 0 ? settle_key(l, to) : rc;
}

/* --- moves ------------------------------------------------------------------------------------ */

int layer_check_move(struct layer *l, struct key from, struct key to)
{
	layer_enter(from);
	layer_enter(to);
	if (!l->backend->check_rename_prefix)
		return 0;
	return layer_check_answer(l, LAYER_RENAME_PREFIX,
				  l->backend->check_rename_prefix(l->state, from, to));
}

static int move_own(struct layer *l, struct key from, struct key to)
{
	int64_t begun = layer_call_begin(l);
	int rc = layer_call_end(l, LAYER_RENAME, begun, l->backend->rename(l->state, from, to));

	return rc == -ENOENT ? 0 : rc;
}

/* What is below, then the value of its own key. */
static int move(struct layer *l, struct key from, struct key to)
{
	int64_t begun = layer_call_begin(l);
	int rc = layer_call_end(l, LAYER_RENAME_PREFIX, begun,
				l->backend->rename_prefix(l->state, from, to));

	note_settled(l);
	return rc < 0 ? rc : move_own(l, from, to);
}

bool layer_settle(struct layer *l, struct key from, struct key to)
{
	layer_enter(from);
	layer_enter(to);
	if (layer_missed_within(l, from) || layer_missed_within(l, to))
		settle(l, from, to);
	return !layer_missed_within(l, from) && !layer_missed_within(l, to);
}

int layer_move(struct layer *l, struct key from, struct key to, bool *begun)
{
	layer_enter(from);
	layer_enter(to);
	*begun = false;
	int rc = settle(l, from, to);
	if (rc < 0)
		return rc;
	*begun = true;
	return layer_trusts_dir(l, from) ? move(l, from, to) : move_own(l, from, to);
}

/* It can never move that: what it holds there goes. */
static int give_up(struct layer *l, struct key from)
{
	log_error(
		"layer \"%s\": a directory that was renamed cannot be moved there; what this layer "
		"holds of it is dropped",
		l->spec->name);
	struct key_buffer marker;
	int rc = layer_distrust(l, marker_key(&marker, from), DEBT_PREFIX);
	if (rc == 0)
		rc = layer_distrust(l, from, DEBT_KEY);
	return rc;
}

/* A move that leads nowhere is of a layer that had missed something there (debts_state.h). */
static int move_missed(struct layer *l, const struct debt *debt)
{
	struct key from = key_make(debt->key.bytes, debt->key.size);
	struct key to = key_make(debt->to.bytes, debt->to.size);

	if (debt->moved)
		return 0;
	if (key_equal(from, to))
		return give_up(l, from);
	int rc = layer_check_move(l, from, to);
	if (rc == -ENAMETOOLONG)
		return give_up(l, from);
	if (rc == 0)
		rc = move(l, from, to);
	return rc == -ENOENT ? -EIO : rc;
}

/* --- telling ---------------------------------------------------------------------------------- */

bool layer_first_debt(struct layer *l, struct debt *debt)
{
	return debts_first(l->debts, debt);
}

int layer_tell(struct layer *l, const struct debt *debt)
{
	assert(lock_none_held());
	int rc = debts_begin(l->debts, debt);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = debt->kind == DEBT_MOVE
		     ? move_missed(l, debt)
		     : remove_missed(l, key_make(debt->key.bytes, debt->key.size), debt->kind);
	int forgotten = debts_end(l->debts, debt, rc == 0);
	return rc < 0 ? rc : forgotten;
}
