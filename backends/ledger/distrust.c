/* See distrust.h. The state is written outside of the lock; memory is told first when it begins to
 * distrust, and last when it ends. */
#include "ledger/distrust.h"

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kit/cursor.h"
#include "base/lock.h"
#include "base/log.h"

/* A marker's key is that of marker_key(): so all that a prefix covers is next to each other. */
struct item {
	struct item *next;
	struct key key;
	char bytes[];
};

enum {
	KINDS = DISTRUST_MARKER + 1,
	TAKEN_AT_ONCE = 1000,
};

struct distrust {
	struct state *state; /* NULL: nothing is remembered */
	char *layer;
	atomic_size_t count; /* read without the lock: nearly always 0 */
	atomic_uint_fast64_t ends;
	struct lock lock;              /* RANK_LAYER_INNER; guards the rest */
	void *trees[KINDS];            /* of tsearch(): items in the order of their keys */
	size_t counts[KINDS];          /* by kind */
	uint32_t lengths[KEY_MAX + 2]; /* how many prefixes have this many bytes */
	bool refused;                  /* something, since there was room */
	bool applying;
	struct tombstone current; /* while applying */
};

struct distrust *distrust_new(void)
{
	struct distrust *d = calloc(1, sizeof(*d));

	if (d)
		lock_init(&d->lock, RANK_LAYER_INNER);
	return d;
}

static void free_list(struct item *list)
{
	while (list) {
		struct item *next = list->next;
		free(list);
		list = next;
	}
}

void distrust_free(struct distrust *d)
{
	for (int kind = 0; kind < KINDS; kind++)
		tdestroy(d->trees[kind], free);
	lock_fini(&d->lock);
	free(d->layer);
	free(d);
}

/* --- in memory -------------------------------------------------------------------------------- */

/* What is looked for: this key, or any that begins with it, on that side of another. */
struct probe {
	struct key key;
	bool prefix;
	const struct item *skip; /* NULL: none */
	int side;                /* of skip: -1 or 1 */
};

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return key_compare(x->key, y->key);
}

static int compare_probe(const void *a, const void *b)
{
	const struct probe *probe = a;
	const struct item *item = b;

	if (!probe->prefix || !key_begins(item->key, probe->key))
		return key_compare(probe->key, item->key);
	if (!probe->skip)
		return 0;
	int side = key_compare(item->key, probe->skip->key);
	return side != 0 && (side < 0) == (probe->side < 0) ? 0 : probe->side;
}

static struct item *look_locked(const struct distrust *d, enum distrust_kind kind,
				const struct probe *probe)
{
	void *node = tfind(probe, &d->trees[kind], compare_probe);

	return node ? *(struct item **)node : NULL;
}

static struct key item_key(struct key key, enum distrust_kind kind, struct key_buffer *buffer)
{
	return kind == DISTRUST_MARKER ? marker_key(buffer, key) : key;
}

static struct item *find_locked(const struct distrust *d, struct key key, enum distrust_kind kind)
{
	struct key_buffer buffer;
	struct probe probe = { .key = item_key(key, kind, &buffer) };

	return look_locked(d, kind, &probe);
}

static struct item *find_within_locked(const struct distrust *d, enum distrust_kind kind,
				       struct key prefix)
{
	struct probe probe = { .key = prefix, .prefix = true };

	return look_locked(d, kind, &probe);
}

/* A tombstone of a prefix of fewer bytes than that, which this key, or prefix, begins with. */
static bool covered_locked(const struct distrust *d, struct key key, size_t fewer)
{
	if (d->counts[DISTRUST_PREFIX] == 0)
		return false;
	for (size_t size = 0; size <= key.size && size < fewer; size++)
		if (d->lengths[size] > 0 &&
		    find_locked(d, key_make(key.bytes, size), DISTRUST_PREFIX))
			return true;
	return false;
}

static bool prefix_covers_locked(const struct distrust *d, struct key key)
{
	return covered_locked(d, key, SIZE_MAX);
}

/* One that says more than a tombstone for this key, or prefix, itself. */
static bool wider_covers_locked(const struct distrust *d, struct key key)
{
	return covered_locked(d, key, key.size);
}

static bool prefix_covers_dir_locked(const struct distrust *d, struct key dir)
{
	struct key_buffer marker;

	return prefix_covers_locked(d, marker_key(&marker, dir));
}

bool distrust_covers(struct distrust *d, struct key key)
{
	if (atomic_load(&d->count) == 0)
		return false;
	lock_take(&d->lock);
	bool covered = find_locked(d, key, DISTRUST_KEY) || prefix_covers_locked(d, key);
	lock_release(&d->lock);
	return covered;
}

bool distrust_covers_prefix(struct distrust *d, struct key prefix)
{
	if (atomic_load(&d->count) == 0)
		return false;
	lock_take(&d->lock);
	bool covered = prefix_covers_locked(d, prefix);
	lock_release(&d->lock);
	return covered;
}

bool distrust_covers_dir(struct distrust *d, struct key dir)
{
	if (atomic_load(&d->count) == 0)
		return false;
	lock_take(&d->lock);
	bool covered = prefix_covers_dir_locked(d, dir);
	lock_release(&d->lock);
	return covered;
}

bool distrust_covers_marker(struct distrust *d, struct key dir)
{
	if (atomic_load(&d->count) == 0)
		return false;
	lock_take(&d->lock);
	bool covered = find_locked(d, dir, DISTRUST_MARKER) != NULL;
	lock_release(&d->lock);
	return covered;
}

/* 1: it is there now, and the tree's; 0: it was; -ENOMEM. */
static int insert_locked(struct distrust *d, struct item *item, enum distrust_kind kind)
{
	void *node = tsearch(item, &d->trees[kind], compare_items);

	if (!node)
		return -ENOMEM;
	if (*(struct item **)node != item)
		return 0;
	if (kind == DISTRUST_PREFIX)
		d->lengths[item->key.size]++;
	d->counts[kind]++;
	atomic_fetch_add(&d->count, 1);
	return 1;
}

static struct item *item_new(struct key key, enum distrust_kind kind)
{
	struct key_buffer buffer;

	key = item_key(key, kind, &buffer);
	struct item *item = malloc(sizeof(*item) + key.size);
	if (!item)
		return NULL;
	memcpy(item->bytes, key.bytes, key.size);
	item->key = key_make(item->bytes, key.size);
	item->next = NULL;
	return item;
}

/* Onto a list. */
static void take_item_locked(struct distrust *d, struct item *item, enum distrust_kind kind,
			     struct item **taken)
{
	tdelete(item, &d->trees[kind], compare_items);
	if (kind == DISTRUST_PREFIX)
		d->lengths[item->key.size]--;
	d->counts[kind]--;
	atomic_fetch_sub(&d->count, 1);
	d->refused = false;
	item->next = *taken;
	*taken = item;
}

/* The item that is being applied, if it is of that kind. */
static struct item *current_locked(const struct distrust *d, enum distrust_kind kind)
{
	return d->applying && d->current.kind == kind
		       ? find_locked(d, key_make(d->current.key.bytes, d->current.key.size), kind)
		       : NULL;
}

/* Some of a kind that begin with a prefix, but what is being applied. True: there may be more. */
static bool take_some_locked(struct distrust *d, enum distrust_kind kind, struct key prefix,
			     struct item **taken)
{
	struct probe probe = { .key = prefix, .prefix = true, .skip = current_locked(d, kind) };
	struct item *item;
	int count = 0;

	for (probe.side = -1; probe.side <= 1; probe.side += 2)
		while ((item = look_locked(d, kind, &probe))) {
			take_item_locked(d, item, kind, taken);
			if (++count == TAKEN_AT_ONCE)
				return true;
		}
	return false;
}

/* All of them, that nobody adds to. There may be a million, and every get asks under this lock. */
static void take_kind(struct distrust *d, enum distrust_kind kind, struct key prefix)
{
	bool more;

	do {
		struct item *taken = NULL;
		lock_take(&d->lock);
		more = take_some_locked(d, kind, prefix, &taken);
		lock_release(&d->lock);
		free_list(taken);
	} while (more);
}

static void take_within(struct distrust *d, struct key key, enum distrust_kind kind)
{
	struct item *taken = NULL, *item;

	atomic_fetch_add(&d->ends, 1);
	if (kind == DISTRUST_PREFIX) {
		for (int each = 0; each < KINDS; each++)
			take_kind(d, (enum distrust_kind)each, key);
		return;
	}
	lock_take(&d->lock);
	item = find_locked(d, key, kind);
	if (item && item != current_locked(d, kind))
		take_item_locked(d, item, kind, &taken);
	lock_release(&d->lock);
	free_list(taken);
}

/* --- in the state ----------------------------------------------------------------------------- */

static const char sql_add[] =
	"INSERT OR IGNORE INTO tombstones(layer, kind, key) VALUES(?1, ?2, ?3)";
static const char sql_forget[] =
	"DELETE FROM tombstones WHERE layer = ?1 AND kind = ?2 AND key = ?3";
static const char sql_forget_range[] =
	"DELETE FROM tombstones WHERE layer = ?1 AND kind = ?2 AND key >= ?3 AND key < ?4";
static const char sql_load[] = "SELECT kind, key FROM tombstones WHERE layer = ?1";

/*
 * The kinds as they are stored. A directory's prefix is stored as the directory, without the slash
 * that ends it, as it has been since the first version; others have a kind of their own.
 */
enum stored { STORED_KEY = 0, STORED_BELOW = 1, STORED_MARKER = 2, STORED_PREFIX = 3 };

static bool is_directory(struct key prefix)
{
	return prefix.size == 0 || (prefix.size > 1 && prefix.bytes[prefix.size - 1] == '/');
}

static struct key without_slash(struct key prefix)
{
	return key_make(prefix.bytes, prefix.size > 0 ? prefix.size - 1 : 0);
}

struct record {
	struct distrust *d;
	struct key key; /* as it is stored, like the kind */
	enum stored kind;
};

static struct record record_of(struct distrust *d, struct key key, enum distrust_kind kind)
{
	switch (kind) {
	case DISTRUST_KEY:
		return (struct record){ d, key, STORED_KEY };
	case DISTRUST_MARKER:
		return (struct record){ d, key, STORED_MARKER };
	case DISTRUST_PREFIX:
		break;
	}
	return is_directory(key) ? (struct record){ d, without_slash(key), STORED_BELOW }
				 : (struct record){ d, key, STORED_PREFIX };
}

static int run_one(struct record *r, struct db *db, const char *sql)
{
	sqlite3_stmt *statement = db_statement(db, sql);

	if (statement) {
		sqlite3_bind_text(statement, 1, r->d->layer, -1, SQLITE_STATIC);
		sqlite3_bind_int(statement, 2, (int)r->kind);
		state_bind_key(statement, 3, r->key);
	}
	return db_run(db, statement);
}

static int run_range(struct record *r, struct db *db, struct key prefix, enum stored kind)
{
	sqlite3_stmt *statement = db_statement(db, sql_forget_range);
	struct state_range range;

	if (statement) {
		sqlite3_bind_text(statement, 1, r->d->layer, -1, SQLITE_STATIC);
		sqlite3_bind_int(statement, 2, (int)kind);
		state_bind_prefix(statement, 3, prefix, &range);
	}
	return db_run(db, statement);
}

/* A wider tombstone takes the place of those within it; the rows of directories have no slash. */
static int forget_within(struct record *r, struct db *db)
{
	static const enum stored kinds[] = { STORED_KEY, STORED_BELOW, STORED_MARKER,
					     STORED_PREFIX };
	struct key_buffer marker;
	bool directory = r->kind == STORED_BELOW;
	struct key prefix = directory ? marker_key(&marker, r->key) : r->key;
	int rc = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && rc == 0; i++)
		rc = run_range(r, db, prefix, kinds[i]);
	struct record own = { r->d, r->key, STORED_MARKER };
	return rc < 0 || !directory ? rc : run_one(&own, db, sql_forget);
}

static bool is_prefix(const struct record *r)
{
	return r->kind == STORED_BELOW || r->kind == STORED_PREFIX;
}

static int apply_add(void *self, struct db *db)
{
	struct record *r = self;
	int rc = is_prefix(r) ? forget_within(r, db) : 0;

	return rc < 0 ? rc : run_one(r, db, sql_add);
}

static int apply_forget(void *self, struct db *db)
{
	struct record *r = self;
	int rc = is_prefix(r) ? forget_within(r, db) : 0;

	return rc < 0 ? rc : run_one(r, db, sql_forget);
}

static int apply_forget_one(void *self, struct db *db)
{
	return run_one(self, db, sql_forget);
}

/* A row in memory. 0 or -ENOMEM. */
static int remember_row(struct distrust *d, struct key key, int stored)
{
	enum distrust_kind kind = stored == STORED_KEY      ? DISTRUST_KEY
				  : stored == STORED_MARKER ? DISTRUST_MARKER
							    : DISTRUST_PREFIX;
	struct key_buffer marker;

	if (key.size > KEY_MAX + (stored == STORED_PREFIX))
		return 0; /* damaged: there is no such key */
	struct item *item = item_new(stored == STORED_BELOW ? marker_key(&marker, key) : key, kind);
	if (!item)
		return -ENOMEM;
	lock_take(&d->lock);
	int added = insert_locked(d, item, kind);
	lock_release(&d->lock);
	if (added <= 0)
		free(item);
	return added < 0 ? added : 0;
}

int distrust_remember(struct distrust *d, struct state *state, const char *layer)
{
	d->layer = strdup(layer);
	d->state = state;
	struct db *db = d->layer ? state_read_begin(state) : NULL;
	sqlite3_stmt *statement = db ? db_statement(db, sql_load) : NULL;
	int rc = statement ? 0 : -ENOMEM;

	if (statement)
		sqlite3_bind_text(statement, 1, d->layer, -1, SQLITE_STATIC);
	while (rc == 0 && (rc = db_step(db, statement)) > 0)
		rc = remember_row(d, state_column_key(statement, 1),
				  sqlite3_column_int(statement, 0));
	if (statement)
		sqlite3_reset(statement);
	state_read_end(state, db);
	return rc;
}

static const char sql_lost[] = "SELECT 1 FROM tombstones WHERE layer = ''";
static const char sql_found[] = "DELETE FROM tombstones WHERE layer = ''";

bool distrust_were_lost(struct state *state)
{
	struct db *db = state_read_begin(state);
	sqlite3_stmt *row = db ? db_statement(db, sql_lost) : NULL;
	bool lost = row && db_step(db, row) > 0;

	if (row)
		sqlite3_reset(row);
	state_read_end(state, db);
	return lost;
}

static int apply_found(void *self, struct db *db)
{
	(void)self;
	return db_run(db, db_statement(db, sql_found));
}

void distrust_note_found(struct state *state)
{
	state_change(state, apply_found, NULL);
}

/* --- both ------------------------------------------------------------------------------------- */

bool distrust_has_room(struct distrust *d, struct key key, enum distrust_kind kind)
{
	size_t most = kind == DISTRUST_PREFIX ? DISTRUST_PREFIXES_MAX : DISTRUST_KEYS_MAX;

	lock_take(&d->lock);
	bool room = d->counts[kind] < most || find_locked(d, key, kind) ||
		    wider_covers_locked(d, key);
	bool first = !room && !d->refused;
	d->refused |= !room;
	lock_release(&d->lock);
	if (first)
		log_warning("layer \"%s\" missed more than can be remembered; what it holds cannot "
			    "be removed until it has been told",
			    d->layer ? d->layer : "");
	return room;
}

static bool is_whole(struct key key, enum distrust_kind kind)
{
	return kind == DISTRUST_PREFIX && key.size == 0;
}

/* It stands for all of them. */
static void take_keys(struct distrust *d)
{
	struct item *taken = NULL;

	/* At once: what is added from now on may have to stay. */
	lock_take(&d->lock);
	while (take_some_locked(d, DISTRUST_KEY, KEY_ROOT, &taken))
		;
	while (take_some_locked(d, DISTRUST_MARKER, KEY_ROOT, &taken))
		;
	lock_release(&d->lock);
	free_list(taken);
}

int distrust_add(struct distrust *d, struct key key, enum distrust_kind kind)
{
	struct item *item = item_new(key, kind);
	int added = 0;

	if (!item)
		return -ENOMEM;
	lock_take(&d->lock);
	/* What is being applied may have run already. */
	bool covered = (kind == DISTRUST_MARKER ? prefix_covers_dir_locked(d, key)
						: wider_covers_locked(d, key)) &&
		       !d->applying;
	if (!covered)
		added = insert_locked(d, item, kind);
	lock_release(&d->lock);
	if (added <= 0)
		free(item);
	if (added < 0)
		return added;
	if (added > 0 && is_whole(key, kind))
		log_warning("layer \"%s\": nothing in it is believed until it has been cleared",
			    d->layer ? d->layer : "");
	if (!d->state)
		return -ENOTSUP;
	if (covered)
		return 0;
	struct record record = record_of(d, key, kind);
	int rc = state_change(d->state, apply_add, &record);
	if (rc < 0)
		return rc == -ENOTSUP ? -EIO : rc;
	if (is_whole(key, kind))
		take_keys(d);
	return 0;
}

static bool any_within(struct distrust *d, struct key key, enum distrust_kind kind)
{
	struct tombstone ignored;

	if (atomic_load(&d->count) == 0)
		return false;
	if (kind == DISTRUST_PREFIX)
		return distrust_any_within(d, key, &ignored);
	lock_take(&d->lock);
	bool found = find_locked(d, key, kind) != NULL;
	lock_release(&d->lock);
	return found;
}

int distrust_forget(struct distrust *d, struct key key, enum distrust_kind kind)
{
	struct record record = record_of(d, key, kind);
	int rc = 0;

	if (!any_within(d, key, kind))
		return 0;
	if (d->state)
		rc = state_change(d->state, apply_forget, &record);
	if (rc == 0)
		take_within(d, key, kind);
	return rc;
}

/* --- applying --------------------------------------------------------------------------------- */

static void fill(struct tombstone *t, const struct item *item, enum distrust_kind kind)
{
	bool slash = kind == DISTRUST_MARKER && item->key.size > 0;

	t->kind = kind;
	t->key.size = item->key.size - slash;
	memcpy(t->key.bytes, item->key.bytes, t->key.size);
}

/* The prefixes' last. */
static bool any_within_locked(struct distrust *d, struct key prefix, struct tombstone *t)
{
	static const enum distrust_kind kinds[] = { DISTRUST_KEY, DISTRUST_MARKER,
						    DISTRUST_PREFIX };

	for (size_t i = 0; i < KINDS; i++) {
		struct item *item = find_within_locked(d, kinds[i], prefix);
		if (item) {
			fill(t, item, kinds[i]);
			return true;
		}
	}
	return false;
}

bool distrust_next(struct distrust *d, struct tombstone *t)
{
	if (atomic_load(&d->count) == 0)
		return false;
	lock_take(&d->lock);
	bool found = any_within_locked(d, KEY_ROOT, t);
	lock_release(&d->lock);
	return found;
}

bool distrust_begin(struct distrust *d, const struct tombstone *t)
{
	struct key key = key_make(t->key.bytes, t->key.size);

	lock_take(&d->lock);
	assert(!d->applying);
	d->applying = find_locked(d, key, t->kind) != NULL;
	if (d->applying)
		d->current = *t;
	bool begun = d->applying;
	lock_release(&d->lock);
	return begun;
}

/* The item of this tombstone alone. */
static void take_one(struct distrust *d, struct key key, enum distrust_kind kind)
{
	struct item *taken = NULL;

	atomic_fetch_add(&d->ends, 1);
	lock_take(&d->lock);
	struct item *item = find_locked(d, key, kind);
	if (item)
		take_item_locked(d, item, kind, &taken);
	lock_release(&d->lock);
	free_list(taken);
}

int distrust_applied(struct distrust *d, const struct tombstone *t, bool told)
{
	struct key key = key_make(t->key.bytes, t->key.size);
	struct record record = record_of(d, key, t->kind);

	lock_take(&d->lock);
	assert(d->applying);
	d->applying = false;
	lock_release(&d->lock);
	if (!told)
		return 0;
	/* Only this one: of others within a prefix that came since the rows may be still to come,
	 * and would be left behind. */
	int rc = d->state ? state_change(d->state, apply_forget_one, &record) : 0;
	if (rc == 0)
		take_one(d, key, t->kind);
	return rc;
}

bool distrust_hides_below(struct distrust *d, struct key dir)
{
	struct key_buffer marker;
	struct key prefix = marker_key(&marker, dir);

	if (atomic_load(&d->count) == 0)
		return false;
	lock_take(&d->lock);
	bool hides = find_within_locked(d, DISTRUST_KEY, prefix) ||
		     find_within_locked(d, DISTRUST_PREFIX, prefix);
	lock_release(&d->lock);
	return hides;
}

bool distrust_any_within(struct distrust *d, struct key prefix, struct tombstone *t)
{
	if (atomic_load(&d->count) == 0)
		return false;
	lock_take(&d->lock);
	bool found = any_within_locked(d, prefix, t);
	lock_release(&d->lock);
	return found;
}

uint64_t distrust_ends(const struct distrust *d)
{
	return atomic_load(&d->ends);
}

uint64_t distrust_count(struct distrust *d)
{
	return atomic_load(&d->count);
}

bool distrust_is_whole(struct distrust *d)
{
	return atomic_load(&d->count) > 0 && distrust_covers_dir(d, KEY_ROOT);
}
