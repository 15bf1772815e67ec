/* See distrust.h. The state is written outside of the lock; memory is told first when it begins to
 * distrust, and last when it ends. */
#include "distrust.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "lock.h"
#include "log.h"

enum { BUCKETS = 1024 };

struct item {
	struct item *next;
	struct key key;
	char bytes[];
};

struct distrust {
	struct state *state; /* NULL: nothing is remembered */
	char *layer;
	atomic_size_t count; /* read without the lock: nearly always 0 */
	atomic_uint_fast64_t ends;
	struct lock lock; /* RANK_LAYER_INNER; guards the rest */
	struct item *keys[BUCKETS], *markers[BUCKETS];
	struct item *prefixes;
	size_t counts[DISTRUST_MARKER + 1]; /* by kind */
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
	for (int i = 0; i < BUCKETS; i++) {
		free_list(d->keys[i]);
		free_list(d->markers[i]);
	}
	free_list(d->prefixes);
	lock_fini(&d->lock);
	free(d->layer);
	free(d);
}

/* --- in memory -------------------------------------------------------------------------------- */

static struct item **bucket(struct distrust *d, struct key key)
{
	return &d->keys[key_hash(key) % BUCKETS];
}

static struct item **list_of(struct distrust *d, struct key key, enum distrust_kind kind)
{
	if (kind == DISTRUST_PREFIX)
		return &d->prefixes;
	return kind == DISTRUST_KEY ? bucket(d, key) : &d->markers[key_hash(key) % BUCKETS];
}

static struct item *find(struct item *list, struct key key)
{
	while (list && !key_equal(list->key, key))
		list = list->next;
	return list;
}

/* A tombstone of a prefix that this key, or prefix, begins with. */
static bool prefix_covers_locked(struct distrust *d, struct key key)
{
	for (struct item *i = d->prefixes; i; i = i->next)
		if (key_begins(key, i->key))
			return true;
	return false;
}

/* One that says more than a tombstone for this key, or prefix, itself. */
static bool wider_covers_locked(struct distrust *d, struct key key)
{
	for (struct item *i = d->prefixes; i; i = i->next)
		if (i->key.size < key.size && key_begins(key, i->key))
			return true;
	return false;
}

static bool prefix_covers_dir_locked(struct distrust *d, struct key dir)
{
	for (struct item *i = d->prefixes; i; i = i->next)
		if (key_dir_begins(dir, i->key))
			return true;
	return false;
}

bool distrust_covers(struct distrust *d, struct key key)
{
	if (atomic_load(&d->count) == 0)
		return false;
	lock_take(&d->lock);
	bool covered = find(*bucket(d, key), key) || prefix_covers_locked(d, key);
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
	bool covered = find(*list_of(d, dir, DISTRUST_MARKER), dir);
	lock_release(&d->lock);
	return covered;
}

static bool insert_locked(struct distrust *d, struct item *item, enum distrust_kind kind)
{
	struct item **list = list_of(d, item->key, kind);

	if (find(*list, item->key))
		return false;
	item->next = *list;
	*list = item;
	d->counts[kind]++;
	atomic_fetch_add(&d->count, 1);
	return true;
}

static struct item *item_new(struct key key)
{
	struct item *item = malloc(sizeof(*item) + key.size);

	if (!item)
		return NULL;
	memcpy(item->bytes, key.bytes, key.size);
	item->key = key_make(item->bytes, key.size);
	item->next = NULL;
	return item;
}

/* Whether a tombstone says no more than one of that kind for key. */
static bool is_within(struct key item, enum distrust_kind item_kind, struct key key,
		      enum distrust_kind kind)
{
	if (kind != DISTRUST_PREFIX)
		return item_kind == kind && key_equal(item, key);
	return item_kind == DISTRUST_MARKER ? key_dir_begins(item, key) : key_begins(item, key);
}

static bool is_current_locked(const struct distrust *d, struct key key, enum distrust_kind kind)
{
	return d->applying && d->current.kind == kind &&
	       key_equal(key, key_make(d->current.key.bytes, d->current.key.size));
}

/* Takes out what lies within; onto a list. */
static void take_locked(struct distrust *d, struct item **list, enum distrust_kind item_kind,
			struct key key, enum distrust_kind kind, struct item **taken)
{
	while (*list) {
		struct item *i = *list;
		if (!is_within(i->key, item_kind, key, kind) ||
		    is_current_locked(d, i->key, item_kind)) {
			list = &i->next;
			continue;
		}
		*list = i->next;
		i->next = *taken;
		*taken = i;
		d->counts[item_kind]--;
		atomic_fetch_sub(&d->count, 1);
	}
}

/* All of them that begin with a prefix, but the prefixes. */
static void take_prefix_locked(struct distrust *d, struct key prefix, struct item **taken)
{
	for (int i = 0; i < BUCKETS; i++) {
		take_locked(d, &d->keys[i], DISTRUST_KEY, prefix, DISTRUST_PREFIX, taken);
		take_locked(d, &d->markers[i], DISTRUST_MARKER, prefix, DISTRUST_PREFIX, taken);
	}
}

static void take_within(struct distrust *d, struct key key, enum distrust_kind kind)
{
	struct item *taken = NULL;

	atomic_fetch_add(&d->ends, 1);
	lock_take(&d->lock);
	if (kind == DISTRUST_PREFIX)
		take_prefix_locked(d, key, &taken);
	take_locked(d, list_of(d, key, kind), kind, key, kind, &taken);
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

static int run_one(struct record *r, struct state_db *db, const char *sql)
{
	sqlite3_stmt *statement = state_statement(db, sql);

	if (statement) {
		sqlite3_bind_text(statement, 1, r->d->layer, -1, SQLITE_STATIC);
		sqlite3_bind_int(statement, 2, (int)r->kind);
		state_bind_key(statement, 3, r->key);
	}
	return state_run(db, statement);
}

static int run_range(struct record *r, struct state_db *db, struct key prefix, enum stored kind)
{
	sqlite3_stmt *statement = state_statement(db, sql_forget_range);
	struct state_range range;

	if (statement) {
		sqlite3_bind_text(statement, 1, r->d->layer, -1, SQLITE_STATIC);
		sqlite3_bind_int(statement, 2, (int)kind);
		state_bind_prefix(statement, 3, prefix, &range);
	}
	return state_run(db, statement);
}

/* A wider tombstone takes the place of those within it; the rows of directories have no slash. */
static int forget_within(struct record *r, struct state_db *db)
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

static int apply_add(void *self, struct state_db *db)
{
	struct record *r = self;
	int rc = is_prefix(r) ? forget_within(r, db) : 0;

	return rc < 0 ? rc : run_one(r, db, sql_add);
}

static int apply_forget(void *self, struct state_db *db)
{
	struct record *r = self;
	int rc = is_prefix(r) ? forget_within(r, db) : 0;

	return rc < 0 ? rc : run_one(r, db, sql_forget);
}

static int apply_forget_one(void *self, struct state_db *db)
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
	struct item *item;

	if (key.size > KEY_MAX + 1)
		return 0; /* damaged: there is no such key */
	if (stored != STORED_BELOW || key.size > KEY_MAX)
		item = item_new(key);
	else
		item = item_new(marker_key(&marker, key));
	if (!item)
		return -ENOMEM;
	lock_take(&d->lock);
	bool added = insert_locked(d, item, kind);
	lock_release(&d->lock);
	if (!added)
		free(item);
	return 0;
}

int distrust_remember(struct distrust *d, struct state *state, const char *layer)
{
	d->layer = strdup(layer);
	d->state = state;
	struct state_db *db = d->layer ? state_read_begin(state) : NULL;
	sqlite3_stmt *statement = db ? state_statement(db, sql_load) : NULL;
	int rc = statement ? 0 : -ENOMEM;

	if (statement)
		sqlite3_bind_text(statement, 1, d->layer, -1, SQLITE_STATIC);
	while (rc == 0 && (rc = state_step(db, statement)) > 0)
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
	struct state_db *db = state_read_begin(state);
	sqlite3_stmt *row = db ? state_statement(db, sql_lost) : NULL;
	bool lost = row && state_step(db, row) > 0;

	if (row)
		sqlite3_reset(row);
	state_read_end(state, db);
	return lost;
}

static int apply_found(void *self, struct state_db *db)
{
	(void)self;
	return state_run(db, state_statement(db, sql_found));
}

void distrust_note_found(struct state *state)
{
	state_change(state, apply_found, NULL);
}

/* --- both ------------------------------------------------------------------------------------- */

/* Past the bound one tombstone stands for all. */
static struct key bounded(struct distrust *d, struct key key, enum distrust_kind *kind)
{
	lock_take(&d->lock);
	bool full = d->counts[*kind] >=
		    (*kind == DISTRUST_PREFIX ? DISTRUST_PREFIXES_MAX : DISTRUST_KEYS_MAX);
	lock_release(&d->lock);
	if (!full)
		return key;
	*kind = DISTRUST_PREFIX;
	return KEY_ROOT;
}

int distrust_add(struct distrust *d, struct key key, enum distrust_kind kind)
{
	key = bounded(d, key, &kind);
	struct item *item = item_new(key);
	if (!item)
		return -ENOMEM;
	lock_take(&d->lock);
	/* What is being applied may have run already. */
	bool covered = (kind == DISTRUST_MARKER ? prefix_covers_dir_locked(d, key)
						: wider_covers_locked(d, key)) &&
		       !d->applying;
	bool added = !covered && insert_locked(d, item, kind);
	lock_release(&d->lock);
	if (!added)
		free(item);
	else if (kind == DISTRUST_PREFIX && key.size == 0)
		log_warning("layer \"%s\": missed more than can be remembered; nothing in it is "
			    "believed until it has been cleared",
			    d->layer ? d->layer : "");
	if (!d->state)
		return -ENOTSUP;
	if (covered)
		return 0;
	struct record record = record_of(d, key, kind);
	int rc = state_change(d->state, apply_add, &record);
	if (rc < 0)
		return rc == -ENOTSUP ? -EIO : rc;
	if (kind == DISTRUST_PREFIX && key.size == 0) {
		struct item *taken = NULL;
		lock_take(&d->lock);
		take_prefix_locked(d, key, &taken);
		lock_release(&d->lock);
		free_list(taken);
	}
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
	bool found = find(*list_of(d, key, kind), key) != NULL;
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
	t->kind = kind;
	t->key.size = item->key.size;
	memcpy(t->key.bytes, item->key.bytes, item->key.size);
}

static bool first_locked(struct distrust *d, struct tombstone *t)
{
	for (int i = 0; i < BUCKETS; i++)
		if (d->keys[i] || d->markers[i]) {
			fill(t, d->keys[i] ? d->keys[i] : d->markers[i],
			     d->keys[i] ? DISTRUST_KEY : DISTRUST_MARKER);
			return true;
		}
	if (d->prefixes)
		fill(t, d->prefixes, DISTRUST_PREFIX);
	return d->prefixes != NULL;
}

bool distrust_next(struct distrust *d, struct tombstone *t)
{
	if (atomic_load(&d->count) == 0)
		return false;
	lock_take(&d->lock);
	bool found = first_locked(d, t);
	lock_release(&d->lock);
	return found;
}

bool distrust_begin(struct distrust *d, const struct tombstone *t)
{
	struct key key = key_make(t->key.bytes, t->key.size);

	lock_take(&d->lock);
	assert(!d->applying);
	d->applying = find(*list_of(d, key, t->kind), key) != NULL;
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
	for (struct item **i = list_of(d, key, kind); *i; i = &(*i)->next)
		if (key_equal((*i)->key, key)) {
			taken = *i;
			*i = taken->next;
			d->counts[kind]--;
			atomic_fetch_sub(&d->count, 1);
			break;
		}
	lock_release(&d->lock);
	free(taken);
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

static struct item *find_within(struct item *list, enum distrust_kind kind, struct key prefix)
{
	while (list && !is_within(list->key, kind, prefix, DISTRUST_PREFIX))
		list = list->next;
	return list;
}

bool distrust_hides_below(struct distrust *d, struct key dir)
{
	struct key_buffer marker;
	struct key prefix = marker_key(&marker, dir);
	bool hides = false;

	if (atomic_load(&d->count) == 0)
		return false;
	lock_take(&d->lock);
	for (int i = 0; i < BUCKETS && !hides; i++)
		hides = find_within(d->keys[i], DISTRUST_KEY, prefix) != NULL;
	hides = hides || find_within(d->prefixes, DISTRUST_PREFIX, prefix);
	lock_release(&d->lock);
	return hides;
}

static bool any_within_locked(struct distrust *d, struct key prefix, struct tombstone *t)
{
	struct item *item;

	for (int i = 0; i < BUCKETS; i++) {
		if ((item = find_within(d->keys[i], DISTRUST_KEY, prefix)))
			fill(t, item, DISTRUST_KEY);
		else if ((item = find_within(d->markers[i], DISTRUST_MARKER, prefix)))
			fill(t, item, DISTRUST_MARKER);
		if (item)
			return true;
	}
	if ((item = find_within(d->prefixes, DISTRUST_PREFIX, prefix)))
		fill(t, item, DISTRUST_PREFIX);
	return item != NULL;
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
