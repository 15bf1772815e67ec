/* See journal_change.h. */
#include "ledger/journal_change.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/waiting.h"
#include "ledger/journal_dirs.h"
#include "ledger/journal_effect.h"
#include "ledger/journal_find.h"
#include "ledger/journal_row.h"
#include "ledger/journal_store.h"

enum {
	INLINE_MAX = 64 * 1024, /* larger values are files */
	RENAME_BATCH = 64,
	STEP_BATCHES = 4, /* in one transaction */
	STEP_MS = 50,
};

static const char sql_insert[] =
	"INSERT INTO journal(seq, key, size, expires_ms, queued_ms, file, head, value)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
static const char sql_delete[] = "DELETE FROM journal WHERE seq = ?1";
static const char sql_move[] =
	"UPDATE journal SET seq = ?2, key = ?3, expires_ms = ?4, head = ?5 WHERE seq = ?1";
static const char sql_below[] = "SELECT seq, size, file, head, key FROM journal"
				" WHERE key >= ?1 AND key < ?2 LIMIT 64"; /* RENAME_BATCH */
static const char sql_longest[] =
	"SELECT max((SELECT ifnull(max(length(key)), 0) FROM journal WHERE key >= ?1 AND key < ?2),"
	" (SELECT ifnull(max(length(key)), 1) - 1 FROM directories WHERE key >= ?1 AND key < ?2))";

/* One change, and what follows from it once it is committed. */
struct row_change {
	struct journal *journal;
	struct key key, to;
	const struct meta *meta;
	unsigned fields;
	struct value *value;
	const char *file; /* of the new value */
	struct journal_effect effect;
	bool found;
	bool more; /* rows of the range that are for the next step */
};

static int delete_row(struct row_change *c, struct db *db, sqlite3_stmt *row, struct key key)
{
	sqlite3_stmt *statement = db_statement(db, sql_delete);
	const char *file = journal_file_of(row, JOURNAL_FILE);

	if (file && journal_effect_unlink(&c->effect, file) < 0)
		return -ENOMEM;
	c->effect.entries--;
	c->effect.bytes -= journal_cost(key, (uint64_t)sqlite3_column_int64(row, JOURNAL_SIZE));
	if (statement)
		sqlite3_bind_int64(statement, 1, sqlite3_column_int64(row, JOURNAL_SEQ));
	return db_run(db, statement);
}

/* 1: there was one. */
static int delete_key(struct row_change *c, struct db *db, struct key key)
{
	sqlite3_stmt *row = journal_select(db, key);
	int rc = db_step(db, row);

	if (rc > 0) {
		int deleted = delete_row(c, db, row, key);
		rc = deleted < 0 ? deleted : 1;
	}
	sqlite3_reset(row);
	return rc;
}

/* The column `expires_ms`: of an end that does not come 0. */
static int64_t column_end(const struct meta *meta)
{
	return end_record_of(meta->copy, meta->own, time_skew_ms()).expires_ms;
}

static int insert_row(struct row_change *c, struct db *db)
{
	sqlite3_stmt *s = db_statement(db, sql_insert);
	size_t size = 0;
	void *head = s ? journal_row_pack(c->key, c->file, c->meta, &size) : NULL;

	if (!head)
		return s ? -ENOMEM : -EIO;
	sqlite3_bind_int64(s, 1, journal_new_seq(c->journal));
	state_bind_key(s, 2, c->key);
	sqlite3_bind_int64(s, 3, (int64_t)c->meta->size);
	sqlite3_bind_int64(s, 4, column_end(c->meta));
	sqlite3_bind_int64(s, 5, time_steady_ms(c->journal->time));
	sqlite3_bind_text(s, 6, c->file, -1, SQLITE_STATIC);
	sqlite3_bind_blob(s, 7, head, (int)size, SQLITE_STATIC);
	if (c->file)
		sqlite3_bind_null(s, 8);
	else
		sqlite3_bind_blob(s, 8, value_bytes(c->value), (int)c->meta->size, SQLITE_STATIC);
	int rc = db_run(db, s);
	sqlite3_clear_bindings(s);
	free(head);
	c->effect.entries++;
	c->effect.bytes += journal_cost(c->key, c->meta->size);
	return rc;
}

static void change_reset(struct row_change *c)
{
	journal_effect_reset(&c->effect);
	c->found = false;
}

static int run(struct row_change *c, int (*apply)(void *self, struct db *db))
{
	return journal_commit(c->journal, apply, c, c->meta != NULL, &c->effect);
}

/* --- set -------------------------------------------------------------------------------------- */

static int apply_set(void *self, struct db *db)
{
	struct row_change *c = self;

	change_reset(c);
	int rc = delete_key(c, db, c->key);
	return rc < 0 ? rc : insert_row(c, db);
}

/* Whether it makes no sense to begin with a copy. */
static bool lacks_space(struct journal *j, const struct value *value)
{
	return value_size(value) > INLINE_MAX &&
	       !value_files_can_adopt(state_values(j->state), value) &&
	       !state_has_space(j->state, value_size(value));
}

/* The value in a file of ours, without copying where it lies in one that can be given a name. */
static int make_file(struct journal *j, const struct value *value, char name[VALUE_FILE_NAME])
{
	struct value_files *values = state_values(j->state);
	int rc = -EXDEV;

	if (value_files_can_adopt(values, value)) {
		uint64_t offset;
		rc = value_files_link(values, value_fd(value, &offset), name);
	}
	if (rc != -EXDEV)
		return rc;
	int fd = value_files_copy(values, value);
	if (fd < 0)
		return fd;
	rc = value_files_link(values, fd, name);
	close(fd);
	return rc == -EXDEV ? -EIO : rc;
}

static int store(struct row_change *c)
{
	struct journal *j = c->journal;
	struct value *value = c->value, *loaded = NULL;
	char name[VALUE_FILE_NAME];
	int rc = 0;

	c->file = NULL;
	if (c->meta->size > INLINE_MAX) {
		rc = make_file(j, value, name);
		c->file = rc == 0 ? name : NULL;
	} else if (!value_bytes(value)) {
		loaded = value_load(value);
		rc = loaded ? 0 : -ENOMEM;
		c->value = loaded;
	}
	if (rc == 0)
		rc = run(c, apply_set);
	if (rc < 0 && c->file)
		value_files_remove(state_values(j->state), name);
	c->value = value;
	value_unref(loaded);
	return rc;
}

/* What a set of this key gives back: the row that it supersedes. */
static int64_t cost_of_row(struct journal *j, struct key key)
{
	struct meta meta = { 0 };
	int64_t seq = 0, cost = 0;

	if (journal_find(j, key, &seq, NULL, &meta) == 0)
		cost = journal_cost(key, meta.size);
	meta_fini(&meta);
	return cost;
}

/* Until a value of this size fits in the place of what the key has, by the limit. -EFBIG: never;
 * -ENOSPC: not in time. */
static int wait_for_room(struct journal *j, struct key key, uint64_t size,
			 const struct deadline *deadline)
{
	int64_t need = journal_cost(key, size);
	int rc = journal_room_check(&j->room, need);

	return rc == -ENOSPC ? journal_room_wait(&j->room, need - cost_of_row(j, key), deadline)
			     : rc;
}

static void note_full(struct journal *j)
{
	if (!atomic_exchange(&j->disk_full, true))
		log_warning("journal: no space left on the disk of %s; sets wait for it, then fail",
			    state_dir(j->state));
}

int journal_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	struct journal *j = state;
	struct row_change c = { .journal = j, .key = key, .meta = meta, .value = value };
	struct deadline deadline = deadline_in(j->time, waiting_at_most(j->conf.wait_ms));
	bool again = true;
	int rc;

	waiting_begin();
	if (end_comes(meta->copy))
		atomic_store(&j->may_hide, true);
	do {
		rc = wait_for_room(j, key, meta->size, &deadline);
		if (rc < 0)
			break;
		rc = lacks_space(j, value) ? -ENOSPC : store(&c);
		if (rc == -ENOSPC)
			note_full(j);
		again = rc == -ENOSPC && journal_room_await(&j->room, &deadline);
	} while (again);
	if (rc == 0 && atomic_load(&j->disk_full))
		atomic_store(&j->disk_full, false);
	return rc;
}

/* As far as it is known: the last set found no space, and there is none now. */
static bool disk_takes(struct journal *j, uint64_t size)
{
	return !atomic_load(&j->disk_full) || state_has_room(j->state, size);
}

int journal_foresee(void *state, struct key key, uint64_t size)
{
	struct journal *j = state;
	int rc = journal_room_check(&j->room, journal_cost(key, size));

	if (rc == -EFBIG || (rc == 0 && disk_takes(j, size)))
		return rc;
	if (key.size == 0)
		return -ENOSPC;
	waiting_begin();
	struct deadline deadline = deadline_in(j->time, waiting_at_most(j->conf.wait_ms));
	rc = wait_for_room(j, key, size, &deadline);
	while (rc == 0 && !disk_takes(j, size))
		if (!journal_room_await(&j->room, &deadline))
			return disk_takes(j, size) ? 0 : -ENOSPC;
	return rc;
}

/* --- touch and rename ------------------------------------------------------------------------- */

/* Rewrites the row that the statement stands at, under another key or with other metadata. */
static int rewrite_row(struct row_change *c, struct db *db, sqlite3_stmt *row, struct key from,
		       struct key to)
{
	struct meta meta = { 0 };
	size_t size = 0;
	const char *file = journal_file_of(row, JOURNAL_FILE);

	int rc = journal_read_head(row, from, JOURNAL_FILE, &meta);
	if (rc < 0)
		return rc;
	if (c->meta)
		meta_update(&meta, c->meta, c->fields);
	sqlite3_stmt *s = db_statement(db, sql_move);
	void *head = journal_row_pack(to, file, &meta, &size);
	if (s && head) {
		sqlite3_bind_int64(s, 1, sqlite3_column_int64(row, JOURNAL_SEQ));
		sqlite3_bind_int64(s, 2, journal_new_seq(c->journal));
		state_bind_key(s, 3, to);
		sqlite3_bind_int64(s, 4, column_end(&meta));
		sqlite3_bind_blob(s, 5, head, (int)size, SQLITE_STATIC);
		if (end_comes(meta.copy))
			atomic_store(&c->journal->may_hide, true);
		c->effect.bytes += journal_cost(to, 0) - journal_cost(from, 0);
	}
	rc = head ? db_run(db, s) : -ENOMEM;
	free(head);
	meta_fini(&meta);
	return rc;
}

static int rewrite_key(struct row_change *c, struct db *db, struct key from, struct key to)
{
	sqlite3_stmt *row = journal_select(db, from);
	int rc = db_step(db, row);

	if (rc > 0)
		rc = rewrite_row(c, db, row, from, to);
	else
		rc = rc == 0 ? -ENOENT : rc;
	sqlite3_reset(row);
	return rc;
}

static int apply_touch(void *self, struct db *db)
{
	struct row_change *c = self;

	change_reset(c);
	return rewrite_key(c, db, c->key, c->key);
}

int journal_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	struct meta now = { 0 };
	int rc = journal_look_up(state, key, NULL, &now);

	meta_fini(&now);
	if (rc < 0)
		return rc == -ENODATA ? -ENOENT : rc;
	struct row_change c = { .journal = state, .key = key, .meta = meta, .fields = fields };
	return run(&c, apply_touch);
}

static int apply_rename(void *self, struct db *db)
{
	struct row_change *c = self;

	change_reset(c);
	int rc = delete_key(c, db, c->to);
	return rc < 0 ? rc : rewrite_key(c, db, c->key, c->to);
}

int journal_rename(void *state, struct key from, struct key to)
{
	struct journal *j = state;
	struct row_change c = { .journal = j, .key = from, .to = to };

	return journal_room_is_empty(&j->room) ? -ENOENT : run(&c, apply_rename);
}

/* --- remove ----------------------------------------------------------------------------------- */

static int apply_remove(void *self, struct db *db)
{
	struct row_change *c = self;

	change_reset(c);
	int rc = delete_key(c, db, c->key);
	c->found = rc > 0;
	return rc < 0 ? rc : 0;
}

/* Whatever state the row is in. */
int journal_remove(void *state, struct key key)
{
	struct journal *j = state;
	struct row_change c = { .journal = j, .key = key };
	struct meta now = { 0 };

	if (journal_room_is_empty(&j->room))
		return -ENOENT;
	bool visible = journal_look_up(j, key, NULL, &now) == 0;
	meta_fini(&now);
	int rc = run(&c, apply_remove);
	return rc == 0 && !(c.found && visible) ? -ENOENT : rc;
}

/* --- ranges ----------------------------------------------------------------------------------- */

/* In the place of what is there. */
static int move_row(struct row_change *c, struct db *db, sqlite3_stmt *row, struct key from,
		    struct key to)
{
	int rc = delete_key(c, db, to);

	return rc < 0 ? rc : rewrite_row(c, db, row, from, to);
}

/* Deletes the first rows that begin with the key, or moves those below it. 1: there may be more. */
static int change_range(struct row_change *c, struct db *db)
{
	sqlite3_stmt *rows = db_statement(db, sql_below);
	struct state_range range;
	struct key_buffer to;
	int rc, count = 0;

	if (!rows)
		return -EIO;
	if (c->to.size == 0)
		state_bind_prefix(rows, 1, c->key, &range);
	else
		state_bind_range(rows, 1, c->key, &range);
	while ((rc = db_step(db, rows)) > 0) {
		struct key key = state_column_key(rows, JOURNAL_EXTRA);
		/* A damaged index may lead anywhere. */
		if (c->to.size == 0 ? !key_begins(key, c->key) : !key_is_below(key, c->key))
			rc = -EIO;
		else if (c->to.size == 0)
			rc = delete_row(c, db, rows, key);
		else if ((rc = key_join(&to, c->to, key_relative(key, c->key))) == 0)
			rc = move_row(c, db, rows, key, key_make(to.bytes, to.size));
		if (rc == -EBADMSG) /* it cannot be moved, and must not stay */
			rc = delete_row(c, db, rows, key);
		if (rc < 0)
			break;
		count++;
		c->found = true;
	}
	sqlite3_reset(rows);
	return rc < 0 ? rc : count == RENAME_BATCH;
}

/* One step: others' changes, which wait for the commit, go between two. The directories' markers go
 * with the last. */
static int apply_range(void *self, struct db *db)
{
	struct row_change *c = self;
	struct deadline end = deadline_in(c->journal->time, STEP_MS);
	int rc, batches = 0;

	change_reset(c);
	do {
		rc = change_range(c, db);
	} while (rc > 0 && ++batches < STEP_BATCHES && deadline_left_ms(&end) > 0);
	c->more = rc > 0;
	if (rc == 0)
		rc = journal_dirs_change(c->journal, db, c->key, c->to, &c->effect);
	c->found |= rc > 0;
	return rc < 0 ? rc : 0;
}

/* *found: there was something. */
static int run_range(struct row_change *c, bool *found)
{
	int rc;

	*found = false;
	do {
		rc = run(c, apply_range);
		*found |= rc == 0 && c->found;
	} while (rc == 0 && c->more);
	return rc;
}

int journal_remove_prefix(void *state, struct key prefix)
{
	struct journal *j = state;
	struct row_change c = { .journal = j, .key = prefix };
	bool found;

	if (journal_room_is_empty(&j->room))
		return -ENOENT;
	int rc = run_range(&c, &found);
	return rc == 0 && !found ? -ENOENT : rc;
}

int journal_rename_prefix(void *state, struct key from, struct key to)
{
	struct journal *j = state;
	struct row_change c = { .journal = j, .key = from, .to = to };
	bool found;

	return journal_room_is_empty(&j->room) ? 0 : run_range(&c, &found);
}

int journal_check_rename_prefix(void *state, struct key from, struct key to)
{
	struct journal *j = state;
	struct state_range range;

	if (journal_room_is_empty(&j->room) || to.size <= from.size)
		return 0;
	struct db *db = state_read_begin(j->state);
	sqlite3_stmt *row = db ? db_statement(db, sql_longest) : NULL;
	if (row)
		state_bind_range(row, 1, from, &range);
	int rc = row ? db_step(db, row) : -EIO;
	if (rc > 0)
		rc = (size_t)sqlite3_column_int64(row, 0) + to.size > KEY_MAX + from.size
			     ? -ENAMETOOLONG
			     : 0;
	sqlite3_reset(row);
	state_read_end(j->state, db);
	return rc;
}
