/* See debts.h. The state is written without the lock. A new tombstone is in memory before its row
 * is in the state, and stays there until the row is removed. */
#include "ledger/debts.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/log.h"
#include "kit/marker.h"
#include "ledger/debts_tree.h"

enum { TAKEN_AT_ONCE = 1000 };

/* In the order in which a layer is told of them; all but moves are trees. */
static const enum debt_kind tombstones[] = { DEBT_KEY, DEBT_MARKER, DEBT_PREFIX };
enum { TOMBSTONES = sizeof(tombstones) / sizeof(tombstones[0]) };

struct move {
	struct move *next;
	struct debt debt;
};

struct debts {
	struct state *state; /* NULL: nothing is remembered */
	char *layer;
	atomic_size_t count; /* read without the lock: nearly always 0 */
	atomic_uint_fast64_t ends;
	struct lock lock;                    /* RANK_LAYER_INNER; guards the rest */
	struct move *moves;                  /* oldest first */
	size_t to_move;                      /* of them, those that are not done */
	struct debts_tree trees[DEBT_KINDS]; /* a marker's key is that of marker_key() */
	uint32_t lengths[KEY_MAX + 2];       /* how many prefixes have this many bytes */
	bool refused;                        /* something, since there was room */
	bool telling;
	enum debt_kind told_kind; /* while telling; which tombstone: */
	struct key_buffer told_key;
};

struct debts *debts_new(void)
{
	struct debts *d = calloc(1, sizeof(*d));

	if (d)
		lock_init(&d->lock, RANK_LAYER_INNER);
	return d;
}

void debts_free(struct debts *d)
{
	while (d->moves) {
		struct move *next = d->moves->next;
		free(d->moves);
		d->moves = next;
	}
	for (int kind = 0; kind < DEBT_KINDS; kind++)
		debts_tree_fini(&d->trees[kind]);
	lock_fini(&d->lock);
	free(d->layer);
	free(d);
}

static struct key debt_key(const struct debt *debt)
{
	return key_kept(&debt->key);
}

static struct key debt_to(const struct debt *debt)
{
	return key_kept(&debt->to);
}

/* After each change of what there is. */
static void check_locked(const struct debts *d)
{
	size_t count = 0;

	assert(lock_is_held(&d->lock));
	for (const struct move *m = d->moves; m; m = m->next)
		count++;
	for (size_t i = 0; i < TOMBSTONES; i++)
		count += d->trees[tombstones[i]].count;
	assert(count == atomic_load(&d->count));
	(void)count;
}

/* --- tombstones ------------------------------------------------------------------------------- */

static struct key tree_key(struct key key, enum debt_kind kind, struct key_buffer *buffer)
{
	return kind == DEBT_MARKER ? marker_key(buffer, key) : key;
}

static struct debts_item *find_locked(const struct debts *d, struct key key, enum debt_kind kind)
{
	struct key_buffer buffer;

	assert(lock_is_held(&d->lock));
	return debts_tree_find(&d->trees[kind], tree_key(key, kind, &buffer));
}

/* A tombstone of a prefix of fewer bytes than that, which this key, or prefix, begins with. */
static bool covered_locked(const struct debts *d, struct key key, size_t fewer)
{
	if (d->trees[DEBT_PREFIX].count == 0)
		return false;
	for (size_t size = 0; size <= key.size && size < fewer; size++)
		if (d->lengths[size] > 0 && find_locked(d, key_make(key.bytes, size), DEBT_PREFIX))
			return true;
	return false;
}

static bool prefix_covers_locked(const struct debts *d, struct key key)
{
	return covered_locked(d, key, SIZE_MAX);
}

/* One that says more than a tombstone for this key, or prefix, or marker itself. */
static bool wider_covers_locked(const struct debts *d, struct key key, enum debt_kind kind)
{
	struct key_buffer buffer;

	return kind == DEBT_MARKER ? prefix_covers_locked(d, marker_key(&buffer, key))
				   : covered_locked(d, key, key.size);
}

/* As debts_tree_insert(). */
static int insert_locked(struct debts *d, struct debts_item *item, enum debt_kind kind)
{
	int added = debts_tree_insert(&d->trees[kind], item);

	if (added <= 0)
		return added;
	if (kind == DEBT_PREFIX)
		d->lengths[item->key.size]++;
	atomic_fetch_add(&d->count, 1);
	check_locked(d);
	return added;
}

static void take_item_locked(struct debts *d, struct debts_item *item, enum debt_kind kind,
			     struct debts_item **taken)
{
	debts_tree_take(&d->trees[kind], item, taken);
	if (kind == DEBT_PREFIX) {
		assert(d->lengths[item->key.size] > 0);
		d->lengths[item->key.size]--;
	}
	atomic_fetch_sub(&d->count, 1);
	check_locked(d);
	d->refused = false;
}

/* The item that the layer is being told of, if it is of that kind. */
static struct debts_item *told_locked(const struct debts *d, enum debt_kind kind)
{
	return d->telling && d->told_kind == kind
		       ? find_locked(d, key_make(d->told_key.bytes, d->told_key.size), kind)
		       : NULL;
}

/* Some of a kind that begin with a prefix, but what is being told. True: there may be more. */
static bool take_some_locked(struct debts *d, enum debt_kind kind, struct key prefix,
			     struct debts_item **taken)
{
	const struct debts_item *told = told_locked(d, kind);
	struct debts_item *item;

	for (int count = 0; count < TAKEN_AT_ONCE; count++) {
		item = debts_tree_within_but(&d->trees[kind], prefix, told);
		if (!item)
			return false;
		take_item_locked(d, item, kind, taken);
	}
	return true;
}

/* All of them, that nobody adds to. There may be a million, and every get asks under this lock. */
static void take_kind(struct debts *d, enum debt_kind kind, struct key prefix)
{
	bool more;

	do {
		struct debts_item *taken = NULL;
		lock_take(&d->lock);
		more = take_some_locked(d, kind, prefix, &taken);
		lock_release(&d->lock);
		debts_items_free(taken);
	} while (more);
}

/* The tombstone of this key alone, but if it is spared what is being told. */
static void take_one(struct debts *d, struct key key, enum debt_kind kind, bool spare_told)
{
	struct debts_item *taken = NULL;

	lock_take(&d->lock);
	struct debts_item *item = find_locked(d, key, kind);
	if (item && !(spare_told && item == told_locked(d, kind)))
		take_item_locked(d, item, kind, &taken);
	lock_release(&d->lock);
	debts_items_free(taken);
}

/* One for all: they stand for the rest. At once: what is added from now on may have to stay. */
static void take_keys(struct debts *d)
{
	struct debts_item *taken = NULL;

	lock_take(&d->lock);
	while (take_some_locked(d, DEBT_KEY, KEY_ROOT, &taken))
		;
	while (take_some_locked(d, DEBT_MARKER, KEY_ROOT, &taken))
		;
	lock_release(&d->lock);
	debts_items_free(taken);
}

static unsigned tombstones_owed_locked(const struct debts *d, enum debts_scope scope,
				       struct key key)
{
	struct key_buffer buffer;
	struct key all = scope == DEBTS_OF_DIR ? marker_key(&buffer, key) : key;
	unsigned owed = prefix_covers_locked(d, all) ? OWES_CLEARING : 0;

	switch (scope) {
	case DEBTS_OF_KEY:
		return owed | (find_locked(d, key, DEBT_KEY) ? OWES_REMOVAL : 0);
	case DEBTS_OF_DIR:
		return owed | (find_locked(d, key, DEBT_MARKER) ? OWES_MARKER : 0);
	case DEBTS_OF_PREFIX:
		break;
	}
	bool removal = debts_tree_within(&d->trees[DEBT_KEY], key) ||
		       debts_tree_within(&d->trees[DEBT_PREFIX], key);
	return owed | (removal ? OWES_REMOVAL : 0) |
	       (debts_tree_within(&d->trees[DEBT_MARKER], key) ? OWES_MARKER : 0);
}

/* --- moves ------------------------------------------------------------------------------------ */

static struct move *find_move_locked(const struct debts *d, int64_t id)
{
	struct move *m = d->moves;

	assert(lock_is_held(&d->lock));
	while (m && m->debt.id != id)
		m = m->next;
	return m;
}

/* The layer has done it: nothing is hidden any more. */
static void note_moved(struct debts *d, int64_t id)
{
	atomic_fetch_add(&d->ends, 1);
	lock_take(&d->lock);
	struct move *m = find_move_locked(d, id);
	if (m && !m->debt.moved) {
		assert(d->to_move > 0);
		m->debt.moved = true;
		d->to_move--;
	}
	lock_release(&d->lock);
}

static void take_move(struct debts *d, int64_t id)
{
	struct move **at = &d->moves, *taken;

	lock_take(&d->lock);
	while (*at && (*at)->debt.id != id)
		at = &(*at)->next;
	taken = *at;
	if (taken) {
		assert(taken->debt.moved);
		*at = taken->next;
		atomic_fetch_sub(&d->count, 1);
		check_locked(d);
	}
	lock_release(&d->lock);
	free(taken);
}

/* Whether a directory, with its own key, and the scope have a key in common. */
static bool meets(struct key dir, enum debts_scope scope, struct key key)
{
	if (scope == DEBTS_OF_PREFIX)
		return key_dir_begins(dir, key) || key_is_below(key, dir);
	return key_equal(key, dir) || key_is_below(key, dir);
}

static unsigned moves_owed_locked(const struct debts *d, enum debts_scope scope, struct key key)
{
	unsigned owed = 0;

	assert(lock_is_held(&d->lock));
	for (const struct move *m = d->moves; m; m = m->next) {
		bool from = meets(debt_key(&m->debt), scope, key);
		if (from)
			owed |= OWES_FOLLOWING;
		if (!m->debt.moved && (from || meets(debt_to(&m->debt), scope, key)))
			owed |= OWES_MOVE;
	}
	return owed;
}

static int add_move(struct debts *d, int64_t id, struct key from, struct key to, bool moved,
		    size_t most)
{
	struct move *new = calloc(1, sizeof(*new));
	struct move **end = &d->moves;

	if (!new)
		return -ENOMEM;
	new->debt = (struct debt){ .kind = DEBT_MOVE, .id = id, .moved = moved };
	key_keep(&new->debt.key, from);
	key_keep(&new->debt.to, to);
	lock_take(&d->lock);
	bool room = moved || d->to_move < most;
	while (*end)
		end = &(*end)->next;
	if (room) {
		*end = new;
		d->to_move += !moved;
		atomic_fetch_add(&d->count, 1);
		check_locked(d);
	}
	lock_release(&d->lock);
	if (!room)
		free(new);
	return room ? 0 : -ENOSPC;
}

int debts_add_move(struct debts *d, int64_t id, struct key from, struct key to, bool moved)
{
	return add_move(d, id, from, to, moved, DEBTS_MOVES_MAX);
}

/* --- the question ----------------------------------------------------------------------------- */

unsigned debts_owed(struct debts *d, enum debts_scope scope, struct key key)
{
	if (atomic_load(&d->count) == 0)
		return 0;
	lock_take(&d->lock);
	unsigned owed = tombstones_owed_locked(d, scope, key) | moves_owed_locked(d, scope, key);
	lock_release(&d->lock);
	return owed;
}

uint64_t debts_count(const struct debts *d)
{
	return atomic_load(&d->count);
}

uint64_t debts_ends(const struct debts *d)
{
	return atomic_load(&d->ends);
}

/* --- a new one -------------------------------------------------------------------------------- */

/* *covered (NULL: of no interest): a wider tombstone says it already, and nothing is added. */
static int insert(struct debts *d, struct key key, enum debt_kind kind, bool *covered)
{
	struct key_buffer buffer;
	struct debts_item *item = debts_item_new(tree_key(key, kind, &buffer));
	int added = 0;

	if (!item)
		return -ENOMEM;
	lock_take(&d->lock);
	/* What is being cleared may have been already. */
	bool clearing = d->telling && d->told_kind == DEBT_PREFIX;
	if (covered)
		*covered = !clearing && wider_covers_locked(d, key, kind);
	if (!covered || !*covered)
		added = insert_locked(d, item, kind);
	lock_release(&d->lock);
	if (added <= 0)
		free(item);
	return added;
}

static int load(void *self, enum debt_kind kind, struct key key, int64_t id, struct key to)
{
	int rc = kind == DEBT_MOVE ? add_move(self, id, key, to, false, SIZE_MAX)
				   : insert(self, key, kind, NULL);

	return rc < 0 ? rc : 0;
}

int debts_remember(struct debts *d, struct state *state, const char *layer)
{
	d->layer = strdup(layer);
	d->state = state;
	return d->layer ? debts_state_load(state, layer, load, d) : -ENOMEM;
}

bool debts_have_room(struct debts *d, struct key key, enum debt_kind kind)
{
	size_t most = kind == DEBT_PREFIX ? DEBTS_PREFIXES_MAX : DEBTS_KEYS_MAX;

	assert(kind != DEBT_MOVE);
	lock_take(&d->lock);
	bool room = d->trees[kind].count < most || find_locked(d, key, kind) ||
		    wider_covers_locked(d, key, kind);
	bool first = !room && !d->refused;
	d->refused |= !room;
	lock_release(&d->lock);
	if (first)
		log_warning("layer \"%s\" missed more than can be remembered; what it holds cannot "
			    "be removed until it has been told",
			    d->layer ? d->layer : "");
	return room;
}

int debts_add(struct debts *d, struct key key, enum debt_kind kind)
{
	bool whole = kind == DEBT_PREFIX && key.size == 0, covered;

	assert(kind != DEBT_MOVE);
	int added = insert(d, key, kind, &covered);
	if (added < 0)
		return added;
	if (added > 0 && whole)
		log_warning("layer \"%s\": nothing in it is believed until it has been cleared",
			    d->layer ? d->layer : "");
	if (!d->state)
		return -ENOTSUP;
	if (covered)
		return 0;
	int rc = debts_state_add(d->state, d->layer, key, kind);
	if (rc < 0)
		return rc == -ENOTSUP ? -EIO : rc;
	if (whole)
		take_keys(d);
	return 0;
}

/* --- telling ---------------------------------------------------------------------------------- */

int debts_forget(struct debts *d, struct key key, enum debt_kind kind)
{
	static const struct {
		enum debts_scope scope;
		unsigned owes;
	} own[] = {
		[DEBT_KEY] = { DEBTS_OF_KEY, OWES_REMOVAL },
		[DEBT_MARKER] = { DEBTS_OF_DIR, OWES_MARKER },
		[DEBT_PREFIX] = { DEBTS_OF_PREFIX, OWES_REMOVAL | OWES_MARKER },
	};

	assert(kind != DEBT_MOVE);
	if (!(debts_owed(d, own[kind].scope, key) & own[kind].owes))
		return 0;
	int rc = d->state ? debts_state_forget(d->state, d->layer, key, kind) : 0;
	if (rc < 0)
		return rc;
	atomic_fetch_add(&d->ends, 1);
	if (kind == DEBT_PREFIX)
		for (size_t i = 0; i < TOMBSTONES; i++)
			take_kind(d, tombstones[i], key);
	else
		take_one(d, key, kind, true);
	return 0;
}

/* The prefixes' last. */
static bool any_within_locked(const struct debts *d, struct key prefix, struct debt *debt)
{
	for (size_t i = 0; i < TOMBSTONES; i++) {
		enum debt_kind kind = tombstones[i];
		const struct debts_item *item = debts_tree_within(&d->trees[kind], prefix);
		if (!item)
			continue;
		bool slash = kind == DEBT_MARKER && item->key.size > 0;
		debt->kind = kind;
		key_keep(&debt->key, key_make(item->key.bytes, item->key.size - slash));
		return true;
	}
	return false;
}

bool debts_any_within(struct debts *d, struct key prefix, struct debt *debt)
{
	if (atomic_load(&d->count) == 0)
		return false;
	lock_take(&d->lock);
	bool found = any_within_locked(d, prefix, debt);
	lock_release(&d->lock);
	return found;
}

bool debts_first(struct debts *d, struct debt *debt)
{
	if (atomic_load(&d->count) == 0)
		return false;
	lock_take(&d->lock);
	bool found = d->moves || any_within_locked(d, KEY_ROOT, debt);
	if (d->moves)
		*debt = d->moves->debt;
	lock_release(&d->lock);
	return found;
}

static int begin_locked(struct debts *d, const struct debt *debt)
{
	struct key key = debt_key(debt);

	assert(!d->telling);
	if (debt->kind == DEBT_MOVE)
		return find_move_locked(d, debt->id) ? 0 : -ENOENT;
	enum debts_scope scope = debt->kind == DEBT_PREFIX ? DEBTS_OF_PREFIX : DEBTS_OF_KEY;
	if (moves_owed_locked(d, scope, key) & OWES_MOVE)
		return -EAGAIN;
	if (!find_locked(d, key, debt->kind))
		return -ENOENT;
	key_keep(&d->told_key, key);
	return 0;
}

int debts_begin(struct debts *d, const struct debt *debt)
{
	lock_take(&d->lock);
	int rc = begin_locked(d, debt);
	if (rc == 0) {
		d->telling = true;
		d->told_kind = debt->kind;
	}
	lock_release(&d->lock);
	return rc;
}

/* Only this one: of others within a prefix that came since the rows may be still to come, and would
 * be left behind. */
static int forget_one(struct debts *d, const struct debt *debt)
{
	const char *const layers[] = { d->layer };

	if (debt->kind == DEBT_MOVE) {
		note_moved(d, debt->id);
		int rc = debts_state_forget_move(d->state, layers, 1, debt->id);
		if (rc == 0)
			take_move(d, debt->id);
		return rc;
	}
	int rc = d->state ? debts_state_forget_one(d->state, d->layer, debt_key(debt), debt->kind)
			  : 0;
	if (rc < 0)
		return rc;
	atomic_fetch_add(&d->ends, 1);
	take_one(d, debt_key(debt), debt->kind, false);
	return 0;
}

int debts_end(struct debts *d, const struct debt *debt, bool told)
{
	lock_take(&d->lock);
	assert(d->telling && d->told_kind == debt->kind);
	d->telling = false;
	lock_release(&d->lock);
	return told ? forget_one(d, debt) : 0;
}
