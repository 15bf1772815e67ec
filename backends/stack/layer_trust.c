/* Records the changes that a layer missed. Until the layer has applied them, reads ignore the
 * affected entries. See layer.h. */
#include "stack/layer_gate.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "kit/marker.h"

int layer_remember(struct layer *l, struct state *state)
{
	return l->backend->durable ? debts_remember(l->debts, state, l->spec->name) : 0;
}

/* --- belief ----------------------------------------------------------------------------------- */

bool layer_trusts(struct layer *l, struct key key)
{
	return !(debts_owed(l->debts, DEBTS_OF_KEY, key) & OWES_HIDE_KEY);
}

bool layer_trusts_dir(struct layer *l, struct key dir)
{
	return !(debts_owed(l->debts, DEBTS_OF_DIR, dir) & OWES_HIDE_DIR);
}

bool layer_hides_below(struct layer *l, struct key dir)
{
	struct key_buffer marker;
	unsigned owed = debts_owed(l->debts, DEBTS_OF_PREFIX, marker_key(&marker, dir));

	return owed & (OWES_REMOVAL | OWES_MOVE);
}

bool layer_doubts_marker(struct layer *l, struct key dir)
{
	return debts_owed(l->debts, DEBTS_OF_DIR, dir) & OWES_MARKER;
}

uint64_t layer_trust_changes(const struct layer *l)
{
	return debts_ends(l->debts);
}

/* --- what it missed --------------------------------------------------------------------------- */

int layer_distrust(struct layer *l, struct key key, enum debt_kind kind)
{
	bool first = debts_count(l->debts) == 0;

	int rc = debts_add(l->debts, key, kind);
	if (!l->backend->durable) /* its entries end with the daemon, as what it missed does */
		rc = 0;
	if (first)
		log_warning(
			"layer \"%s\" missed a change; what it holds of the keys is ignored until "
			"it has been told",
			l->spec->name);
	if (rc < 0 && rc != -ENOTSUP)
		log_error("layer \"%s\" missed a change, and that cannot be remembered: %s",
			  l->spec->name, strerror(-rc));
	return rc;
}

int layer_may_miss(struct layer *l, struct key key, enum debt_kind kind)
{
	return debts_have_room(l->debts, key, kind) ? layer_distrust(l, key, kind) : -ENOSPC;
}

bool layer_missed_within(struct layer *l, struct key dir)
{
	struct key_buffer marker;

	return (debts_owed(l->debts, DEBTS_OF_KEY, dir) & (OWES_REMOVAL | OWES_CLEARING)) ||
	       (debts_owed(l->debts, DEBTS_OF_DIR, dir) & OWES_CLEARING) ||
	       (debts_owed(l->debts, DEBTS_OF_PREFIX, marker_key(&marker, dir)) &
		(OWES_REMOVAL | OWES_MARKER));
}

bool layer_catches_up(struct layer *l, int64_t id, struct key from, struct key to)
{
	if (!l->backend->durable || layer_missed_within(l, from) || layer_missed_within(l, to) ||
	    debts_add_move(l->debts, id, from, to, false) < 0)
		return false;
	log_warning("layer \"%s\" missed the rename of a directory; what it holds there is ignored "
		    "until it has caught up",
		    l->spec->name);
	return true;
}

void layer_moved(struct layer *l, int64_t id, struct key from, struct key to)
{
	debts_add_move(l->debts, id, from, to, true);
}
