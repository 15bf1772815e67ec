/* See debts_state.h. Tombstones are rows of the table `tombstones`, moves are rows of `intents`. */
#include "ledger/debts_state.h"

#include <assert.h>
#include <errno.h>

#include "kit/marker.h"

/* --- tombstones ------------------------------------------------------------------------------- */

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

struct tombstone {
	const char *layer;
	struct key key; /* as it is stored, like the kind */
	enum stored kind;
};

static bool is_directory(struct key prefix)
{
	return prefix.size == 0 || (prefix.size > 1 && prefix.bytes[prefix.size - 1] == '/');
}

static struct key without_slash(struct key prefix)
{
	return key_make(prefix.bytes, prefix.size > 0 ? prefix.size - 1 : 0);
}

static struct tombstone tombstone_of(const char *layer, struct key key, enum debt_kind kind)
{
	assert(kind != DEBT_MOVE);
	if (kind != DEBT_PREFIX)
		return (struct tombstone){ layer, key,
					   kind == DEBT_KEY ? STORED_KEY : STORED_MARKER };
	return is_directory(key) ? (struct tombstone){ layer, without_slash(key), STORED_BELOW }
				 : (struct tombstone){ layer, key, STORED_PREFIX };
}

static bool is_prefix(const struct tombstone *t)
{
	return t->kind == STORED_BELOW || t->kind == STORED_PREFIX;
}

static int run_one(const struct tombstone *t, struct db *db, const char *sql)
{
	sqlite3_stmt *statement = db_statement(db, sql);

	if (statement) {
		sqlite3_bind_text(statement, 1, t->layer, -1, SQLITE_STATIC);
		sqlite3_bind_int(statement, 2, (int)t->kind);
		state_bind_key(statement, 3, t->key);
	}
	return db_run(db, statement);
}

static int run_range(const struct tombstone *t, struct db *db, struct key prefix, enum stored kind)
{
	sqlite3_stmt *statement = db_statement(db, sql_forget_range);
	struct state_range range;

	if (statement) {
		sqlite3_bind_text(statement, 1, t->layer, -1, SQLITE_STATIC);
		sqlite3_bind_int(statement, 2, (int)kind);
		state_bind_prefix(statement, 3, prefix, &range);
	}
	return db_run(db, statement);
}

/* A wider tombstone takes the place of those within it; the rows of directories have no slash. */
static int forget_within(const struct tombstone *t, struct db *db)
{
	static const enum stored kinds[] = { STORED_KEY, STORED_BELOW, STORED_MARKER,
					     STORED_PREFIX };
	struct key_buffer marker;
	bool directory = t->kind == STORED_BELOW;
	struct key prefix = directory ? marker_key(&marker, t->key) : t->key;
	int rc = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && rc == 0; i++)
		rc = run_range(t, db, prefix, kinds[i]);
	struct tombstone own = { t->layer, t->key, STORED_MARKER };
	return rc < 0 || !directory ? rc : run_one(&own, db, sql_forget);
}

/* The row itself, behind what it stands for (within). */
struct tombstone_change {
	struct tombstone tombstone;
	const char *sql;
	bool within;
};

static int apply_change(void *self, struct db *db)
{
	const struct tombstone_change *change = self;
	const struct tombstone *t = &change->tombstone;
	int rc = change->within && is_prefix(t) ? forget_within(t, db) : 0;

	return rc < 0 ? rc : run_one(t, db, change->sql);
}

int debts_state_add(struct state *s, const char *layer, struct key key, enum debt_kind kind)
{
	struct tombstone_change change = { tombstone_of(layer, key, kind), sql_add, true };

	return state_change(s, apply_change, &change);
}

int debts_state_forget(struct state *s, const char *layer, struct key key, enum debt_kind kind)
{
	struct tombstone_change change = { tombstone_of(layer, key, kind), sql_forget, true };

	return state_change(s, apply_change, &change);
}

int debts_state_forget_one(struct state *s, const char *layer, struct key key, enum debt_kind kind)
{
	struct tombstone_change change = { tombstone_of(layer, key, kind), sql_forget, false };

	return state_change(s, apply_change, &change);
}

/* --- tombstones that were lost ---------------------------------------------------------------- */

static const char sql_lost[] = "SELECT 1 FROM tombstones WHERE layer = ''";
static const char sql_found[] = "DELETE FROM tombstones WHERE layer = ''";

bool debts_state_is_lost(struct state *s)
{
	struct db *db = state_read_begin(s);
	sqlite3_stmt *row = db ? db_statement(db, sql_lost) : NULL;
	bool lost = row && db_step(db, row) > 0;

	if (row)
		sqlite3_reset(row);
	state_read_end(s, db);
	return lost;
}

static int apply_found(void *self, struct db *db)
{
	(void)self;
	return db_run(db, db_statement(db, sql_found));
}

void debts_state_note_found(struct state *s)
{
	state_change(s, apply_found, NULL);
}

/* --- moves ------------------------------------------------------------------------------------ */

static const char sql_next_id[] = "SELECT ifnull(max(id), 0) + 1 FROM intents";
static const char sql_add_move[] =
	"INSERT INTO intents(id, layer, source, target) VALUES(?1, ?2, ?3, ?4)";
static const char sql_forget_move[] = "DELETE FROM intents WHERE id = ?1 AND layer = ?2";
static const char sql_reverse_move[] =
	"UPDATE intents SET source = target, target = source WHERE id = ?1 AND layer = ?2";
static const char sql_load_moves[] =
	"SELECT source, target, id FROM intents WHERE layer = ?1 ORDER BY id";

struct moves {
	const char *const *layers;
	const bool *drops; /* to be added */
	size_t count;
	struct key from, to;
	int64_t id;
	const char *sql;
};

static int read_next_id(struct moves *m, struct db *db)
{
	sqlite3_stmt *row = db_statement(db, sql_next_id);
	int rc = db_step(db, row);

	if (rc > 0)
		m->id = sqlite3_column_int64(row, 0);
	if (row)
		sqlite3_reset(row);
	return rc < 0 ? rc : rc == 0 ? -EIO : 0;
}

static int apply_each(void *self, struct db *db)
{
	const struct moves *m = self;
	sqlite3_stmt *s = db_statement(db, m->sql);
	int rc = s ? 0 : -EIO;

	for (size_t i = 0; i < m->count && rc == 0; i++) {
		sqlite3_bind_int64(s, 1, m->id);
		sqlite3_bind_text(s, 2, m->layers[i], -1, SQLITE_STATIC);
		if (m->from.size > 0) {
			state_bind_key(s, 3, m->from);
			state_bind_key(s, 4, m->drops[i] ? m->from : m->to);
		}
		rc = db_run(db, s);
	}
	return rc;
}

static int apply_add_moves(void *self, struct db *db)
{
	int rc = read_next_id(self, db);

	return rc < 0 ? rc : apply_each(self, db);
}

int debts_state_add_move(struct state *s, const char *const *layers, const bool *drops,
			 size_t count, struct key from, struct key to, int64_t *id)
{
	struct moves moves = { layers, drops, count, from, to, 0, sql_add_move };
	int rc = state_change(s, apply_add_moves, &moves);

	*id = moves.id;
	return rc;
}

static int change_moves(struct state *s, const char *const *layers, size_t count, int64_t id,
			const char *sql)
{
	struct moves moves = { layers, NULL, count, KEY_ROOT, KEY_ROOT, id, sql };

	return count == 0 ? 0 : state_change(s, apply_each, &moves);
}

int debts_state_forget_move(struct state *s, const char *const *layers, size_t count, int64_t id)
{
	return change_moves(s, layers, count, id, sql_forget_move);
}

int debts_state_reverse_move(struct state *s, const char *const *layers, size_t count, int64_t id)
{
	return change_moves(s, layers, count, id, sql_reverse_move);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reader {
	int (*each)(void *self, enum debt_kind kind, struct key key, int64_t id, struct key to);
	void *self;
};

/* A key that cannot be is damage, and says nothing. */
static int read_move(const struct reader *r, sqlite3_stmt *row)
{
	struct key from = state_column_key(row, 0), to = state_column_key(row, 1);

	if (!key_is_valid(from) || !key_is_valid(to))
		return 0;
	return r->each(r->self, DEBT_MOVE, from, sqlite3_column_int64(row, 2), to);
}

static int read_tombstone(const struct reader *r, sqlite3_stmt *row)
{
	int stored = sqlite3_column_int(row, 0);
	struct key key = state_column_key(row, 1);
	struct key_buffer marker;

	if (key.size > KEY_MAX + (stored == STORED_PREFIX))
		return 0;
	enum debt_kind kind = stored == STORED_KEY      ? DEBT_KEY
			      : stored == STORED_MARKER ? DEBT_MARKER
							: DEBT_PREFIX;
	if (stored == STORED_BELOW)
		key = marker_key(&marker, key);
	return r->each(r->self, kind, key, 0, KEY_ROOT);
}

static int read_rows(const struct reader *r, struct db *db, const char *sql, const char *layer,
		     int (*read)(const struct reader *r, sqlite3_stmt *row))
{
	sqlite3_stmt *row = db_statement(db, sql);
	int rc = row ? 0 : -ENOMEM;

	if (row)
		sqlite3_bind_text(row, 1, layer, -1, SQLITE_STATIC);
	while (rc == 0 && (rc = db_step(db, row)) > 0)
		rc = read(r, row);
	if (row)
		sqlite3_reset(row);
	return rc;
}

int debts_state_load(struct state *s, const char *layer,
		     int (*each)(void *self, enum debt_kind kind, struct key key, int64_t id,
				 struct key to),
		     void *self)
{
	const struct reader reader = { each, self };
	struct db *db = state_read_begin(s);
	int rc = db ? read_rows(&reader, db, sql_load_moves, layer, read_move) : -ENOMEM;

	if (rc == 0)
		rc = read_rows(&reader, db, sql_load, layer, read_tombstone);
	state_read_end(s, db);
	return rc;
}
