/* See journal_list.h. */
#include "ledger/journal_list.h"

#include <errno.h>

#include "kit/cursor.h"
#include "ledger/journal_dirs.h"
#include "ledger/journal_find.h"
#include "ledger/journal_store.h"

/* Which of them have ended the heads tell. */
static const char sql_list[] = "SELECT key, file, head, 0 FROM journal WHERE key >= ?1 AND key < ?2"
			       " UNION ALL SELECT key, NULL, head, 1 FROM directories"
			       " WHERE key >= ?1 AND key < ?2 ORDER BY key";

enum column { COLUMN_KEY, COLUMN_FILE, COLUMN_HEAD, COLUMN_IS_MARKER };

/* A listing: what it goes on behind, and where the next row is sought. */
struct listing {
	struct key after;
	bool after_is_dir;
	struct cursor cursor;
	struct instant now;
};

/* Whether a row of sql_list that is no marker is of an entry that has ended. */
static bool has_ended(sqlite3_stmt *rows, struct key key, struct instant now)
{
	struct meta meta = { 0 };
	bool ended = journal_read_head(rows, key, COLUMN_FILE, &meta) == 0 &&
		     meta_is_expired(&meta, now);

	meta_fini(&meta);
	return ended;
}

/* Adds the child that the row says. 1: it is a directory, behind whose keys to go on. */
static int add_row(struct listing *l, sqlite3_stmt *rows, struct children *batch)
{
	struct key key = state_column_key(rows, COLUMN_KEY), marker;
	bool is_marker = sqlite3_column_int(rows, COLUMN_IS_MARKER) != 0, is_dir = false;
	struct meta meta = { 0 };
	int64_t seq = 0;
	int rc = 0;

	if (key.size > KEY_MAX + 1 || !key_is_below(key, l->cursor.dir))
		return -EIO; /* a damaged index may lead anywhere */
	if (is_marker ? cursor_is_own_marker(&l->cursor, key) : has_ended(rows, key, l->now))
		return 0;
	struct key name = cursor_pass(&l->cursor, key, &is_dir, &marker);
	if (!is_dir)
		rc = journal_read_head(rows, key, COLUMN_FILE, &meta);
	else if (is_marker && key_equal(key, marker)) /* damaged: a directory all the same */
		journal_read_marker(rows, COLUMN_HEAD, key, &meta, &seq);
	if (rc == 0 && !children_precede(batch, l->after, l->after_is_dir, name, is_dir))
		rc = -EIO;
	if (rc == 0)
		rc = children_add(batch, name, is_dir, &meta);
	meta_fini(&meta);
	return rc == -EBADMSG ? 0 : rc < 0 ? rc : is_dir;
}

static int list_rows(struct journal *j, struct db *db, sqlite3_stmt *rows, struct listing *l,
		     struct children *batch)
{
	struct state_range range;
	int rc = 1;

	l->now = time_instant(j->time);
	state_bind_range(rows, 1, l->cursor.dir, &range);
	while (rc > 0 && batch->count < CHILDREN_MAX) {
		sqlite3_reset(rows);
		state_bind_key(rows, 1, cursor_at(&l->cursor));
		do {
			rc = db_step(db, rows);
			batch->end = rc == 0;
			if (rc > 0)
				rc = add_row(l, rows, batch);
		} while (rc == 0 && !batch->end && batch->count < CHILDREN_MAX);
	}
	return rc < 0 ? rc : 0;
}

int journal_list(void *state, struct key dir, struct key after, bool after_is_dir,
		 struct children *batch)
{
	struct journal *j = state;
	struct listing l = { .after = after, .after_is_dir = after_is_dir };

	if (journal_room_is_empty(&j->room)) {
		batch->end = true;
		return 0;
	}
	int rc = cursor_start(&l.cursor, dir, after, after_is_dir);
	if (rc < 0)
		return rc;
	struct db *db = state_read_begin(j->state);
	sqlite3_stmt *rows = db ? db_statement(db, sql_list) : NULL;
	rc = rows ? list_rows(j, db, rows, &l, batch) : -EIO;
	sqlite3_reset(rows);
	state_read_end(j->state, db);
	if (rc < 0)
		children_clear(batch);
	return rc;
}

int journal_dir_stat(void *state, struct key dir, struct meta *meta)
{
	struct journal *j = state;
	struct state_range range;

	if (journal_room_is_empty(&j->room))
		return -ENOENT;
	if (journal_find_marker(j, dir, meta) == 0)
		return 0;
	struct db *db = state_read_begin(j->state);
	sqlite3_stmt *row = db ? db_statement(db, sql_list) : NULL;
	struct instant now = time_instant(j->time);
	int rc = row ? 0 : -EIO;
	if (row)
		state_bind_range(row, 1, dir, &range);
	while (rc == 0 && (rc = db_step(db, row)) > 0 &&
	       sqlite3_column_int(row, COLUMN_IS_MARKER) == 0 &&
	       has_ended(row, state_column_key(row, COLUMN_KEY), now))
		rc = 0;
	sqlite3_reset(row);
	state_read_end(j->state, db);
	if (rc > 0)
		*meta = (struct meta){ 0 };
	return rc > 0 ? 0 : rc == 0 ? -ENOENT : rc;
}
