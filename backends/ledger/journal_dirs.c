/*
 * The markers of directories in the journal, which the slower layers do not have yet. Their keys
 * end with a slash (marker_key()), so that they sort as a listing does. The head is packed like a
 * row's; its version, which directories do not have, is the marker's number. A marker is removed by
 * its key and its very bytes. See journal_dirs.h.
 */
#include "ledger/journal_dirs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kit/marker.h"
#include "ledger/journal_row.h"
#include "ledger/journal_store.h"
#include "base/log.h"
#include "base/waiting.h"

static const char sql_find[] = "SELECT head FROM directories WHERE key = ?1";
static const char sql_next[] =
	"SELECT key, head FROM directories WHERE key > ?1 OR ?2 ORDER BY key LIMIT 1";
static const char sql_put[] = "INSERT OR REPLACE INTO directories(key, head) VALUES(?1, ?2)";
static const char sql_delete[] = "DELETE FROM directories WHERE key = ?1";
static const char sql_done[] = "DELETE FROM directories WHERE key = ?1 AND head = ?2";
static const char sql_below[] =
	"SELECT key, head FROM directories WHERE key >= ?1 AND key < ?2 LIMIT 64"; /* BATCH */
static const char sql_all[] = "SELECT key, head FROM directories";
static const char sql_owed[] = "SELECT key, head FROM directories WHERE key >= ?1 AND key < ?2";

enum { BATCH = 64 };

/* --- one marker ------------------------------------------------------------------------------- */

int journal_read_marker(sqlite3_stmt *row, int column, struct key key, struct meta *meta,
			int64_t *seq)
{
	const void *head = sqlite3_column_blob(row, column);
	int size = sqlite3_column_bytes(row, column);
	int rc = journal_row_unpack(head, head ? (size_t)size : 0, key, NULL, meta);

	if (rc == 0) {
		*seq = (int64_t)meta->version;
		meta->version = 0;
	}
	return rc;
}

/* The number of the marker that the statement stands at; 0: it is damaged, or older than all. */
static int64_t number_of(sqlite3_stmt *row)
{
	struct meta meta = { 0 };
	int64_t seq = 0;

	journal_read_marker(row, 1, state_column_key(row, 0), &meta, &seq);
	meta_fini(&meta);
	return seq;
}

int journal_dirs_open(struct journal *j, struct db *db)
{
	sqlite3_stmt *row = db_statement(db, sql_all);
	int rc;

	while ((rc = db_step(db, row)) > 0) {
		int64_t seq = number_of(row);
		if (seq > atomic_load(&j->seq))
			atomic_store(&j->seq, seq);
		journal_room_add(&j->room, 0, 1, journal_cost(state_column_key(row, 0), 0));
	}
	sqlite3_reset(row);
	return rc;
}

/* Deletes one; 1: there was one. */
static int delete_marker(struct db *db, struct key key, struct journal_effect *effect)
{
	sqlite3_stmt *row = db_statement(db, sql_find);

	if (row)
		state_bind_key(row, 1, key);
	int found = db_step(db, row);
	sqlite3_reset(row);
	if (found <= 0)
		return found;
	sqlite3_stmt *s = db_statement(db, sql_delete);
	if (s)
		state_bind_key(s, 1, key);
	effect->directories--;
	effect->bytes -= journal_cost(key, 0);
	int rc = db_run(db, s);
	return rc < 0 ? rc : 1;
}

static int put_marker(struct journal *j, struct db *db, struct key key, const struct meta *meta,
		      struct journal_effect *effect)
{
	struct meta numbered = *meta; /* borrows the xattrs for the call */
	size_t size = 0;
	int rc = delete_marker(db, key, effect);
	sqlite3_stmt *s = rc < 0 ? NULL : db_statement(db, sql_put);
	numbered.version = (uint64_t)journal_new_seq(j);
	void *head = s ? journal_row_pack(key, NULL, &numbered, &size) : NULL;

	if (!head)
		return rc < 0 ? rc : s ? -ENOMEM : -EIO;
	state_bind_key(s, 1, key);
	sqlite3_bind_blob(s, 2, head, (int)size, SQLITE_STATIC);
	rc = db_run(db, s);
	sqlite3_clear_bindings(s);
	free(head);
	effect->directories++;
	effect->bytes += journal_cost(key, 0);
	return rc;
}

struct setting {
	struct journal *journal;
	struct key key;
	const struct meta *meta; /* NULL: it goes */
	struct journal_effect effect;
	bool found;
};

static int apply_setting(void *self, struct db *db)
{
	struct setting *s = self;

	journal_effect_reset(&s->effect);
	if (s->meta)
		return put_marker(s->journal, db, s->key, s->meta, &s->effect);
	int rc = delete_marker(db, s->key, &s->effect);
	s->found = rc > 0;
	return rc < 0 ? rc : 0;
}

static int run(struct setting *s)
{
	return journal_commit(s->journal, apply_setting, s, s->meta != NULL, &s->effect);
}

static int wait_for_room(struct journal *j, struct key key, const struct deadline *deadline)
{
	int64_t need = journal_cost(key, 0);
	int rc = journal_room_check(&j->room, need);

	return rc == -ENOSPC ? journal_room_wait(&j->room, need, deadline) : rc;
}

int journal_dir_set(void *state, struct key dir, const struct meta *meta)
{
	struct journal *j = state;
	struct key_buffer buffer;
	struct setting s = { .journal = j, .key = marker_key(&buffer, dir), .meta = meta };
	struct deadline deadline = deadline_in(j->time, waiting_at_most(j->conf.wait_ms));
	struct meta now = { 0 };
	int rc;

	/* In the place of one that is there it needs no more than that has. */
	bool replaces = journal_find_marker(j, dir, &now) == 0;
	meta_fini(&now);
	waiting_begin();
	do {
		rc = replaces ? 0 : wait_for_room(j, s.key, &deadline);
		if (rc < 0)
			return rc;
		rc = run(&s);
	} while (rc == -ENOSPC && journal_room_await(&j->room, &deadline));
	return rc;
}

int journal_dir_remove(void *state, struct key dir)
{
	struct journal *j = state;
	struct key_buffer buffer;
	struct setting s = { .journal = j, .key = marker_key(&buffer, dir) };

	if (atomic_load(&j->room.directories) == 0)
		return -ENOENT;
	int rc = run(&s);
	return rc == 0 && !s.found ? -ENOENT : rc;
}

int journal_find_marker(struct journal *j, struct key dir, struct meta *meta)
{
	struct key_buffer buffer;
	struct key key = marker_key(&buffer, dir);
	int64_t seq = 0;

	if (atomic_load(&j->room.directories) == 0)
		return -ENOENT;
	struct db *db = state_read_begin(j->state);
	sqlite3_stmt *row = db ? db_statement(db, sql_find) : NULL;
	if (row)
		state_bind_key(row, 1, key);
	int rc = row ? db_step(db, row) : -EIO;
	rc = rc > 0 ? journal_read_marker(row, 0, key, meta, &seq) : rc == 0 ? -ENOENT : rc;
	sqlite3_reset(row);
	state_read_end(j->state, db);
	return rc == -EBADMSG ? -ENOENT : rc;
}

/* --- prefixes --------------------------------------------------------------------------------- */

/* What becomes of the marker that the statement stands at; `to` the root: it goes. */
static int change_one(struct journal *j, struct db *db, sqlite3_stmt *row, struct key from,
		      struct key to, struct journal_effect *effect)
{
	struct key key = state_column_key(row, 0);
	struct meta meta = { 0 };
	struct key_buffer moved;
	int64_t seq = 0;
	int rc = 0;

	if (to.size > 0 && !key_is_below(key, from))
		return -EIO; /* a damaged index may lead anywhere */
	if (to.size > 0 && journal_read_marker(row, 1, key, &meta, &seq) == 0) {
		struct key rest = key_relative(key, from);
		if (to.size + 1 + rest.size > KEY_MAX + 1)
			rc = -ENAMETOOLONG;
		memcpy(moved.bytes, to.bytes, to.size);
		moved.bytes[to.size] = '/';
		moved.size = to.size + 1 + rest.size;
		if (rc == 0) {
			memcpy(moved.bytes + to.size + 1, rest.bytes, rest.size);
			rc = put_marker(j, db, key_make(moved.bytes, moved.size), &meta, effect);
		}
		meta_fini(&meta);
	}
	if (rc == 0)
		rc = delete_marker(db, key, effect);
	return rc == 0 ? -EIO : rc; /* not found: the table is damaged, and would have it again */
}

int journal_dirs_change(struct journal *j, struct db *db, struct key from, struct key to,
			struct journal_effect *effect)
{
	sqlite3_stmt *rows = db_statement(db, sql_below);
	struct state_range range;
	int rc = rows ? 0 : -EIO, count;
	bool found = false;

	do {
		count = 0;
		if (rows && to.size > 0)
			state_bind_range(rows, 1, from, &range);
		else if (rows)
			state_bind_prefix(rows, 1, from, &range);
		while (rc >= 0 && (rc = db_step(db, rows)) > 0) {
			rc = change_one(j, db, rows, from, to, effect);
			count++;
			found = true;
		}
		sqlite3_reset(rows);
	} while (rc >= 0 && count == BATCH);
	return rc < 0 ? rc : found;
}

/* --- the drain's end -------------------------------------------------------------------------- */

void journal_marker_fini(struct journal_marker *marker)
{
	free(marker->head);
	marker->head = NULL;
	meta_fini(&marker->meta);
}

/* 0, -ENOENT: no more; -EBADMSG: what is there is damaged; its key is read. */
static int read_next(struct journal *j, struct journal_marker *marker)
{
	struct db *db = state_read_begin(j->state);
	sqlite3_stmt *row = db ? db_statement(db, sql_next) : NULL;

	if (row) {
		state_bind_key(row, 1, key_make(marker->key.bytes, marker->key.size));
		sqlite3_bind_int(row, 2, !marker->begun);
	}
	int rc = row ? db_step(db, row) : -EIO;
	rc = rc == 0 ? -ENOENT : rc;
	if (rc > 0) {
		struct key key = state_column_key(row, 0);
		marker->begun = true;
		marker->key.size = key.size <= KEY_MAX + 1 ? key.size : 0;
		memcpy(marker->key.bytes, key.bytes, marker->key.size);
		rc = marker->key.size < key.size
			     ? -EBADMSG
			     : journal_read_marker(row, 1, key, &marker->meta, &marker->seq);
		marker->size = (size_t)sqlite3_column_bytes(row, 1);
		marker->head = rc == 0 ? malloc(marker->size) : NULL;
		if (marker->head)
			memcpy(marker->head, sqlite3_column_blob(row, 1), marker->size);
		else if (rc == 0)
			rc = -ENOMEM;
	}
	sqlite3_reset(row);
	state_read_end(j->state, db);
	return rc;
}

struct key journal_marker_dir(const struct journal_marker *marker)
{
	size_t size = marker->key.size;

	return key_make(marker->key.bytes, size > 0 ? size - 1 : 0);
}

int journal_next_marker(struct journal *j, struct journal_marker *marker)
{
	int rc = -ENOENT;

	while (atomic_load(&j->room.directories) > 0 && (rc = read_next(j, marker)) == -EBADMSG) {
		struct setting s = { .journal = j,
				     .key = key_make(marker->key.bytes, marker->key.size) };
		log_error("journal: the marker of a directory is damaged, and dropped");
		rc = run(&s);
		if (rc < 0)
			break;
		rc = -ENOENT;
	}
	if (rc < 0)
		journal_marker_fini(marker);
	return rc < 0 && rc != -ENOENT ? rc : rc == 0;
}

bool journal_owes_marker(struct db *db, struct key prefix, int64_t seq)
{
	sqlite3_stmt *row = db_statement(db, sql_owed);
	struct state_range range;
	int rc;

	if (!row)
		return true;
	state_bind_range(row, 1, prefix, &range);
	while ((rc = db_step(db, row)) > 0 && number_of(row) > seq)
		;
	sqlite3_reset(row);
	return rc != 0;
}

void journal_marker_take(struct journal_marker *to, struct journal_marker *from)
{
	*to = *from;
	from->head = NULL;
	from->meta = (struct meta){ 0 };
}

bool journal_has_markers(struct journal *j)
{
	return atomic_load(&j->room.directories) > 0;
}

bool journal_has_marker(struct journal *j, const struct journal_marker *marker)
{
	struct db *db = state_read_begin(j->state);
	sqlite3_stmt *row = db ? db_statement(db, sql_find) : NULL;

	if (row)
		state_bind_key(row, 1, key_make(marker->key.bytes, marker->key.size));
	bool same = row && db_step(db, row) > 0 &&
		    (size_t)sqlite3_column_bytes(row, 0) == marker->size &&
		    memcmp(sqlite3_column_blob(row, 0), marker->head, marker->size) == 0;
	sqlite3_reset(row);
	state_read_end(j->state, db);
	return same;
}

struct done {
	const struct journal_marker *markers;
	size_t count;
	struct journal_effect effect;
};

static int apply_done(void *self, struct db *db)
{
	struct done *d = self;
	sqlite3_stmt *s = db_statement(db, sql_done);
	int rc = s ? 0 : -EIO;

	journal_effect_reset(&d->effect);
	for (size_t i = 0; i < d->count && rc == 0; i++) {
		struct key key = key_make(d->markers[i].key.bytes, d->markers[i].key.size);
		state_bind_key(s, 1, key);
		sqlite3_bind_blob(s, 2, d->markers[i].head, (int)d->markers[i].size, SQLITE_STATIC);
		rc = db_run(db, s);
		sqlite3_clear_bindings(s);
		if (rc == 0 && db_changes(db) > 0) {
			d->effect.directories--;
			d->effect.bytes -= journal_cost(key, 0);
		}
	}
	return rc;
}

int journal_markers_done(struct journal *j, const struct journal_marker *markers, size_t count)
{
	struct done d = { .markers = markers, .count = count };

	return journal_commit(j, apply_done, &d, false, &d.effect);
}
