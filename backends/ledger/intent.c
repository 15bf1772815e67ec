/* See intent.h. */
#include "ledger/intent.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"

struct pending {
	struct pending *next;
	struct intent intent;
};

struct intents {
	struct state *state;
	char *layer;
	atomic_size_t count; /* read without the lock: nearly always 0 */
	atomic_uint_fast64_t ends;
	struct lock lock; /* RANK_LAYER_INNER; guards: */
	struct pending *first;
};

/* --- the state -------------------------------------------------------------------------------- */

static const char sql_next_id[] = "SELECT ifnull(max(id), 0) + 1 FROM intents";
static const char sql_add[] =
	"INSERT INTO intents(id, layer, source, target) VALUES(?1, ?2, ?3, ?4)";
static const char sql_forget[] = "DELETE FROM intents WHERE id = ?1 AND layer = ?2";
static const char sql_reverse[] =
	"UPDATE intents SET source = target, target = source WHERE id = ?1 AND layer = ?2";
static const char sql_load[] =
	"SELECT id, source, target FROM intents WHERE layer = ?1 ORDER BY id";

struct rows {
	const char *const *layers;
	const bool *drops; /* to be recorded */
	size_t count;
	struct key source, target;
	int64_t id;
	const char *sql;
};

static int read_next_id(struct rows *r, struct db *db)
{
	sqlite3_stmt *row = db_statement(db, sql_next_id);
	int rc = db_step(db, row);

	if (rc > 0)
		r->id = sqlite3_column_int64(row, 0);
	if (row)
		sqlite3_reset(row);
	return rc < 0 ? rc : rc == 0 ? -EIO : 0;
}

static int run_each(struct rows *r, struct db *db)
{
	sqlite3_stmt *s = db_statement(db, r->sql);
	int rc = s ? 0 : -EIO;

	for (size_t i = 0; i < r->count && rc == 0; i++) {
		sqlite3_bind_int64(s, 1, r->id);
		sqlite3_bind_text(s, 2, r->layers[i], -1, SQLITE_STATIC);
		if (r->source.size > 0) {
			state_bind_key(s, 3, r->source);
			state_bind_key(s, 4, r->drops[i] ? r->source : r->target);
		}
		rc = db_run(db, s);
	}
	return rc;
}

static int apply_record(void *self, struct db *db)
{
	int rc = read_next_id(self, db);

	return rc < 0 ? rc : run_each(self, db);
}

static int apply_each(void *self, struct db *db)
{
	return run_each(self, db);
}

int intent_record(struct state *s, const char *const *layers, const bool *drops, size_t count,
		  struct key source, struct key target, int64_t *id)
{
	struct rows rows = { layers, drops, count, source, target, 0, sql_add };
	int rc = state_change(s, apply_record, &rows);

	*id = rows.id;
	return rc;
}

int intent_forget(struct state *s, const char *const *layers, size_t count, int64_t id)
{
	struct rows rows = { layers, NULL, count, KEY_ROOT, KEY_ROOT, id, sql_forget };

	return count == 0 ? 0 : state_change(s, apply_each, &rows);
}

int intent_reverse(struct state *s, const char *const *layers, size_t count, int64_t id)
{
	struct rows rows = { layers, NULL, count, KEY_ROOT, KEY_ROOT, id, sql_reverse };

	return count == 0 ? 0 : state_change(s, apply_each, &rows);
}

/* --- pending ---------------------------------------------------------------------------------- */

struct intents *intents_new(void)
{
	struct intents *p = calloc(1, sizeof(*p));

	if (p)
		lock_init(&p->lock, RANK_LAYER_INNER);
	return p;
}

void intents_free(struct intents *p)
{
	while (p->first) {
		struct pending *next = p->first->next;
		free(p->first);
		p->first = next;
	}
	lock_fini(&p->lock);
	free(p->layer);
	free(p);
}

static struct key source_of(const struct pending *i)
{
	return key_make(i->intent.source.bytes, i->intent.source.size);
}

static struct key target_of(const struct pending *i)
{
	return key_make(i->intent.target.bytes, i->intent.target.size);
}

static bool is_at_or_below(struct key key, struct key dir)
{
	return key_equal(key, dir) || key_is_below(key, dir);
}

bool intents_cover(struct intents *p, struct key key)
{
	bool covered = false;

	if (atomic_load(&p->count) == 0)
		return false;
	lock_take(&p->lock);
	for (struct pending *i = p->first; i && !covered; i = i->next)
		covered = !i->intent.moved &&
			  (is_at_or_below(key, source_of(i)) || is_at_or_below(key, target_of(i)));
	lock_release(&p->lock);
	return covered;
}

/* Whether a directory, with its own key, and the keys that begin with the prefix have some in
 * common. */
static bool meets(struct key dir, struct key prefix)
{
	return key_dir_begins(dir, prefix) || key_is_below(prefix, dir);
}

bool intents_meet(struct intents *p, struct key prefix)
{
	bool met = false;

	if (atomic_load(&p->count) == 0)
		return false;
	lock_take(&p->lock);
	for (struct pending *i = p->first; i && !met; i = i->next)
		met = !i->intent.moved &&
		      (meets(source_of(i), prefix) || meets(target_of(i), prefix));
	lock_release(&p->lock);
	return met;
}

bool intents_take_along(struct intents *p, struct key key, bool prefix)
{
	bool taken = false;

	if (atomic_load(&p->count) == 0)
		return false;
	lock_take(&p->lock);
	for (struct pending *i = p->first; i && !taken; i = i->next)
		taken = is_at_or_below(key, source_of(i)) ||
			(prefix && key_is_below(source_of(i), key));
	lock_release(&p->lock);
	return taken;
}

uint64_t intents_ends(const struct intents *p)
{
	return atomic_load(&p->ends);
}

uint64_t intents_count(struct intents *p)
{
	return atomic_load(&p->count);
}

static void copy_key(struct key_buffer *to, struct key from)
{
	memcpy(to->bytes, from.bytes, from.size);
	to->size = from.size;
}

int intents_add(struct intents *p, int64_t id, struct key source, struct key target, bool moved)
{
	struct pending *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->intent.id = id;
	new->intent.moved = moved;
	copy_key(&new->intent.source, source);
	copy_key(&new->intent.target, target);
	lock_take(&p->lock);
	struct pending **end = &p->first;
	while (*end)
		end = &(*end)->next;
	*end = new;
	atomic_fetch_add(&p->count, 1);
	lock_release(&p->lock);
	return 0;
}

bool intents_first(struct intents *p, struct intent *intent)
{
	if (atomic_load(&p->count) == 0)
		return false;
	lock_take(&p->lock);
	bool found = p->first != NULL;
	if (found)
		*intent = p->first->intent;
	lock_release(&p->lock);
	return found;
}

void intents_note_moved(struct intents *p, int64_t id)
{
	atomic_fetch_add(&p->ends, 1);
	lock_take(&p->lock);
	for (struct pending *i = p->first; i; i = i->next)
		if (i->intent.id == id)
			i->intent.moved = true;
	lock_release(&p->lock);
}

int intents_end(struct intents *p, const struct intent *intent)
{
	const char *const layers[] = { p->layer };
	struct pending *taken = NULL;

	int rc = intent_forget(p->state, layers, 1, intent->id);
	if (rc < 0)
		return rc;
	lock_take(&p->lock);
	for (struct pending **i = &p->first; *i; i = &(*i)->next)
		if ((*i)->intent.id == intent->id) {
			taken = *i;
			*i = taken->next;
			atomic_fetch_sub(&p->count, 1);
			break;
		}
	lock_release(&p->lock);
	free(taken);
	return 0;
}

static int load(struct intents *p, sqlite3_stmt *row)
{
	struct key key = state_column_key(row, 1);
	struct key_buffer source;

	if (!key_is_valid(key))
		return 0;
	copy_key(&source, key);
	key = state_column_key(row, 2);
	if (!key_is_valid(key))
		return 0;
	return intents_add(p, sqlite3_column_int64(row, 0), key_make(source.bytes, source.size),
			   key, false);
}

int intents_remember(struct intents *p, struct state *state, const char *layer)
{
	p->layer = strdup(layer);
	p->state = state;
	struct db *db = p->layer ? state_read_begin(state) : NULL;
	sqlite3_stmt *row = db ? db_statement(db, sql_load) : NULL;
	int rc = row ? 0 : -ENOMEM;

	if (row)
		sqlite3_bind_text(row, 1, p->layer, -1, SQLITE_STATIC);
	while (rc == 0 && (rc = db_step(db, row)) > 0)
		rc = load(p, row);
	if (row)
		sqlite3_reset(row);
	state_read_end(state, db);
	return rc;
}
