/*
 * What a layer missed, and what is not believed of it meanwhile: tombstones that it is to be told,
 * and renames of directories that it is to catch up with. See layer.h and layer_gate.h.
 */
#include "stack/layer_gate.h"

#include <errno.h>
#include <string.h>

#include "kit/cursor.h"
#include "base/log.h"

void layer_note_settled(struct layer *l)
{
	atomic_store(&l->settled_ms, time_mono_ms(&time_system));
}

/* --- distrust --------------------------------------------------------------------------------- */

int layer_distrust(struct layer *l, struct key key, enum distrust_kind kind)
{
	uint64_t before = distrust_count(l->distrust);

	int rc = distrust_add(l->distrust, key, kind);
	if (!l->backend->durable) /* its entries end with the daemon, as what it missed does */
		rc = 0;
	if (before == 0)
		log_warning(
			"layer \"%s\" missed a change; what it holds of the keys is ignored until "
			"it has been told",
			l->spec->name);
	if (rc < 0 && rc != -ENOTSUP)
		log_error("layer \"%s\" missed a change, and that cannot be remembered: %s",
			  l->spec->name, strerror(-rc));
	return rc;
}

int layer_may_miss(struct layer *l, struct key key, enum distrust_kind kind)
{
	return distrust_has_room(l->distrust, key, kind) ? layer_distrust(l, key, kind) : -ENOSPC;
}

bool layer_trusts(struct layer *l, struct key key)
{
	return !distrust_covers(l->distrust, key) && !intents_cover(l->intents, key);
}

bool layer_trusts_dir(struct layer *l, struct key dir)
{
	return !distrust_covers_dir(l->distrust, dir) && !intents_cover(l->intents, dir);
}

/* Whether a change of all below the directory would touch something that is to be moved. */
static bool meets_intents(struct layer *l, struct key dir)
{
	struct key_buffer marker;

	return intents_meet(l->intents, marker_key(&marker, dir));
}

bool layer_hides_below(struct layer *l, struct key dir)
{
	return distrust_hides_below(l->distrust, dir) || meets_intents(l, dir);
}

bool layer_doubts_marker(struct layer *l, struct key dir)
{
	return distrust_covers_marker(l->distrust, dir);
}

uint64_t layer_trust_changes(const struct layer *l)
{
	return distrust_ends(l->distrust) + intents_ends(l->intents);
}

bool layer_awaits_clearing(struct layer *l, struct key key)
{
	return distrust_covers_prefix(l->distrust, key);
}

bool layer_awaits_moving(struct layer *l, struct key key)
{
	return intents_cover(l->intents, key) || intents_take_along(l->intents, key, false);
}

bool layer_missed(struct layer *l, struct tombstone *tombstone)
{
	return distrust_next(l->distrust, tombstone);
}

static int tell(struct layer *l, const struct tombstone *t)
{
	struct key key = key_make(t->key.bytes, t->key.size);
	int64_t begun = layer_call_begin(l);
	int rc;

	switch (t->kind) {
	case DISTRUST_KEY:
		rc = layer_call_end(l, LAYER_REMOVE, begun, l->backend->remove(l->state, key));
		break;
	case DISTRUST_MARKER:
		rc = layer_call_end(l, LAYER_DIR_SET, begun, l->backend->dir_remove(l->state, key));
		break;
	case DISTRUST_PREFIX:
	default:
		rc = layer_call_end(l, LAYER_REMOVE_PREFIX, begun,
				    l->backend->remove_prefix(l->state, key));
	}
	layer_note_settled(l);
	return rc == -ENOENT ? 0 : rc;
}

/* Whether it is still to move something to where the tombstone says that it holds nothing. */
static bool moves_first(struct layer *l, const struct tombstone *t)
{
	struct key key = key_make(t->key.bytes, t->key.size);

	return t->kind == DISTRUST_PREFIX ? intents_meet(l->intents, key)
					  : intents_cover(l->intents, key);
}

int layer_tell(struct layer *l, const struct tombstone *tombstone)
{
	assert(lock_none_held());
	if (moves_first(l, tombstone))
		return -EAGAIN;
	if (!distrust_begin(l->distrust, tombstone))
		return 0;
	int rc = tell(l, tombstone);
	int forgotten = distrust_applied(l->distrust, tombstone, rc == 0);

	return rc < 0 ? rc : forgotten;
}

/* Tells the layer all that it missed below dir, whose changes the caller has to itself. */
static int settle_below(struct layer *l, struct key dir)
{
	struct tombstone t, last = { .kind = DISTRUST_KEY };
	struct key_buffer marker;
	bool any = false;
	int rc = 0;

	while (rc == 0 && distrust_any_within(l->distrust, marker_key(&marker, dir), &t)) {
		if (any && t.kind == last.kind && t.key.size == last.key.size &&
		    memcmp(t.key.bytes, last.key.bytes, t.key.size) == 0)
			return -EBUSY; /* another thread is about it */
		rc = tell(l, &t);
		if (rc == 0)
			rc = distrust_forget(l->distrust, key_make(t.key.bytes, t.key.size),
					     t.kind);
		last = t;
		any = true;
	}
	return rc;
}

/* --- moves ------------------------------------------------------------------------------------ */

int layer_check_move(struct layer *l, struct key from, struct key to)
{
	layer_enter(from);
	layer_enter(to);
	return l->backend->check_rename_prefix
		       ? layer_check_answer(l, l->backend->check_rename_prefix(l->state, from, to))
		       : 0;
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

	layer_note_settled(l);
	return rc < 0 ? rc : move_own(l, from, to);
}

/* Tells it what it missed of one key. */
static int settle_key(struct layer *l, struct key key)
{
	struct tombstone t = { .kind = DISTRUST_KEY };

	if (!distrust_covers(l->distrust, key))
		return 0;
	memcpy(t.key.bytes, key.bytes, key.size);
	t.key.size = key.size;
	int rc = tell(l, &t);
	return rc < 0 ? rc : distrust_forget(l->distrust, key, DISTRUST_KEY);
}

/* An old copy would be believed under its new name, a new one would go. */
static int settle(struct layer *l, struct key from, struct key to)
{
	if (meets_intents(l, from) || meets_intents(l, to) ||
	    intents_take_along(l->intents, to, true))
		return -EHOSTDOWN;
	if (!layer_trusts_dir(l, to))
		return -EHOSTDOWN;
	/* Otherwise all that is there is to go. */
	int rc = layer_trusts_dir(l, from) ? settle_below(l, from) : 0;
	if (rc == 0)
		rc = settle_below(l, to);
	if (rc == 0)
		rc = settle_key(l, from);
	return rc == 0 ? settle_key(l, to) : rc;
}

/* Whether it missed something that the rename of a directory would carry along, or meet. */
static bool missed_within(struct layer *l, struct key dir)
{
	struct tombstone ignored;
	struct key_buffer marker;

	return distrust_covers(l->distrust, dir) || distrust_covers_dir(l->distrust, dir) ||
	       distrust_any_within(l->distrust, marker_key(&marker, dir), &ignored);
}

bool layer_settle(struct layer *l, struct key from, struct key to)
{
	layer_enter(from);
	layer_enter(to);
	if (missed_within(l, from) || missed_within(l, to))
		settle(l, from, to);
	return !missed_within(l, from) && !missed_within(l, to);
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

/* --- moves that it missed --------------------------------------------------------------------- */

bool layer_catches_up(struct layer *l, int64_t id, struct key from, struct key to)
{
	if (!l->backend->durable || missed_within(l, from) || missed_within(l, to) ||
	    intents_count(l->intents) >= INTENTS_MAX ||
	    intents_add(l->intents, id, from, to, false) < 0)
		return false;
	log_warning("layer \"%s\" missed the rename of a directory; what it holds there is ignored "
		    "until it has caught up",
		    l->spec->name);
	return true;
}

void layer_moved(struct layer *l, int64_t id, struct key from, struct key to)
{
	intents_add(l->intents, id, from, to, true);
}

/* It can never move that: what it holds there goes. */
static int give_up(struct layer *l, struct key from)
{
	log_error(
		"layer \"%s\": a directory that was renamed cannot be moved there; what this layer "
		"holds of it is dropped",
		l->spec->name);
	struct key_buffer marker;
	int rc = layer_distrust(l, marker_key(&marker, from), DISTRUST_PREFIX);
	if (rc == 0)
		rc = layer_distrust(l, from, DISTRUST_KEY);
	return rc;
}

int layer_catch_up(struct layer *l)
{
	struct intent intent;

	assert(lock_none_held());
	if (!intents_first(l->intents, &intent))
		return -ENOENT;
	struct key from = key_make(intent.source.bytes, intent.source.size);
	struct key to = key_make(intent.target.bytes, intent.target.size);
	bool drops = key_equal(from, to);
	int rc = intent.moved || drops ? 0 : layer_check_move(l, from, to);
	if (rc == -ENAMETOOLONG || (drops && !intent.moved))
		rc = give_up(l, from);
	else if (rc == 0 && !intent.moved)
		rc = move(l, from, to);
	if (rc == 0)
		intents_note_moved(l->intents, intent.id);
	return rc < 0 ? (rc == -ENOENT ? -EIO : rc) : intents_end(l->intents, &intent);
}
