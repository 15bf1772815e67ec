/* See journal.h. What the drain needs of it is in journal_queue.c. */
#include "ledger/journal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/journal_row.h"
#include "ledger/journal_store.h"
#include "base/log.h"
#include "base/waiting.h"

enum {
	ROW_ALLOWANCE = 512,     /* of the limit, for each row beside its value */
	INLINE_MAX = 64 * 1024,  /* larger values are files */
	CHECKED_FILE = 16 << 20, /* the checksum of a larger file is not verified */
	LARGE = 256 * 1024,      /* loading more than this counts as waiting */
	RENAME_BATCH = 64,
	STEP_BATCHES = 4, /* in one transaction */
	STEP_MS = 50,
};

static const char sql_find[] = "SELECT seq, size, file, head, value FROM journal WHERE key = ?1";
static const char sql_stat[] = "SELECT seq, size, file, head FROM journal WHERE key = ?1";
static const char sql_insert[] =
	"INSERT INTO journal(seq, key, size, expires_ms, queued_ms, file, head, value)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
static const char sql_delete[] = "DELETE FROM journal WHERE seq = ?1";
static const char sql_move[] =
	"UPDATE journal SET seq = ?2, key = ?3, expires_ms = ?4, head = ?5 WHERE seq = ?1";
static const char sql_below[] = "SELECT seq, size, file, head, key FROM journal"
				" WHERE key >= ?1 AND key < ?2 LIMIT 64"; /* RENAME_BATCH */
/* Which of them have ended the heads tell. */
static const char sql_list[] = "SELECT key, file, head, 0 FROM journal WHERE key >= ?1 AND key < ?2"
			       " UNION ALL SELECT key, NULL, head, 1 FROM directories"
			       " WHERE key >= ?1 AND key < ?2 ORDER BY key";
static const char sql_longest[] =
	"SELECT max((SELECT ifnull(max(length(key)), 0) FROM journal WHERE key >= ?1 AND key < ?2),"
	" (SELECT ifnull(max(length(key)), 1) - 1 FROM directories WHERE key >= ?1 AND key < ?2))";

enum column { COLUMN_SEQ, COLUMN_SIZE, COLUMN_FILE, COLUMN_HEAD, COLUMN_EXTRA };

uint64_t journal_cost(struct key key, uint64_t size)
{
	return size + key.size + ROW_ALLOWANCE;
}

/* --- rows ------------------------------------------------------------------------------------- */

static const char *file_of(sqlite3_stmt *row, int column)
{
	return (const char *)sqlite3_column_text(row, column);
}

static int read_head(sqlite3_stmt *row, struct key key, int file_column, struct meta *meta)
{
	const void *head = sqlite3_column_blob(row, file_column + 1);
	int size = sqlite3_column_bytes(row, file_column + 1);

	return journal_row_unpack(head, head ? (size_t)size : 0, key, file_of(row, file_column),
				  meta);
}

static int read_value(struct journal *j, sqlite3_stmt *row, const struct meta *meta,
		      struct value **value)
{
	const char *file = file_of(row, COLUMN_FILE);

	if (file) {
		int fd = value_files_open(state_values(j->state), file, meta->size);
		if (fd < 0)
			return fd == -ENOENT ? -ESTALE : fd;
		*value = value_from_file(fd, 0, meta->size);
	} else {
		const void *bytes = sqlite3_column_blob(row, COLUMN_EXTRA);
		size_t size = (size_t)sqlite3_column_bytes(row, COLUMN_EXTRA);
		if (size != meta->size)
			return -EBADMSG;
		*value = value_copy(bytes ? bytes : "", size);
	}
	return *value ? 0 : -ENOMEM;
}

static int verify(struct value *value, const struct meta *meta)
{
	uint64_t checksum = 0;

	if (!value_bytes(value) && value_size(value) > CHECKED_FILE)
		return 0;
	if (value_size(value) > LARGE)
		waiting_begin();
	int rc = value_checksum(value, &checksum);
	return rc < 0 ? rc : checksum == meta->checksum ? 0 : -EBADMSG;
}

/* The row's metadata, and its value if wanted. -ESTALE: its file is not there. */
static int find_once(struct journal *j, struct key key, int64_t *seq, struct value **value,
		     struct meta *meta)
{
	struct db *db = state_read_begin(j->state);
	sqlite3_stmt *row = db ? db_statement(db, value ? sql_find : sql_stat) : NULL;
	struct meta found = { 0 };

	if (!row) {
		state_read_end(j->state, db);
		return -EIO;
	}
	state_bind_key(row, 1, key);
	int rc = db_step(db, row);
	rc = rc == 0 ? -ENOENT : rc < 0 ? rc : 0;
	if (rc == 0) {
		*seq = sqlite3_column_int64(row, COLUMN_SEQ);
		rc = read_head(row, key, COLUMN_FILE, &found);
	}
	if (rc == 0 && value)
		rc = read_value(j, row, &found, value);
	sqlite3_reset(row);
	state_read_end(j->state, db);
	if (rc == 0 && value) {
		rc = verify(*value, &found);
		if (rc < 0) {
			value_unref(*value);
			*value = NULL;
		}
	}
	if (rc == 0)
		*meta = found;
	else
		meta_fini(&found);
	return rc;
}

/* A file goes with its row, so it may be gone between the look at the one and the open of the
 * other; if it is the same row then, the file is missing. */
int journal_find(struct journal *j, struct key key, int64_t *seq, struct value **value,
		 struct meta *meta)
{
	int64_t missing = 0;
	int rc;

	while ((rc = find_once(j, key, seq, value, meta)) == -ESTALE) {
		if (*seq == missing)
			return -EBADMSG;
		missing = *seq;
	}
	return rc;
}

/*
 * As the stack sees it: what is expired or damaged is there, and is nothing. What cannot be read is
 * no miss, and what a slower layer has of it would be older.
 */
static int look_up(struct journal *j, struct key key, struct value **value, struct meta *meta)
{
	int64_t seq = 0;

	if (journal_is_empty(j))
		return -ENOENT;
	int rc = journal_find(j, key, &seq, value, meta);
	if (rc == -EBADMSG) {
		log_error("journal: row %lld is damaged: its key is a miss", (long long)seq);
		return -ENODATA;
	}
	if (rc == -EBADF) { /* nor is this a miss */
		log_error("journal: row %lld is damaged: no regular file is in the place of its "
			  "file",
			  (long long)seq);
		return -EIO;
	}
	if (rc == 0 && meta_is_expired(meta, time_instant(j->time))) {
		if (value)
			value_unref(*value);
		if (value)
			*value = NULL;
		meta_fini(meta);
		return -ENODATA;
	}
	return rc;
}

static int journal_stat(void *state, struct key key, struct meta *meta)
{
	return look_up(state, key, NULL, meta);
}

static int journal_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	return look_up(state, key, value, meta);
}

/* --- changes ---------------------------------------------------------------------------------- */

/* One change, and what follows from it once it is committed. */
struct row_change {
	struct journal *journal;
	struct key key, to;
	const struct meta *meta;
	unsigned fields;
	struct value *value;
	const char *file; /* of the new value */
	int64_t entries, bytes;
	struct journal_dirs directories;
	struct journal_files unlinked;
	bool found;
	bool more; /* rows of the range that are for the next step */
};

static int delete_row(struct row_change *c, struct db *db, sqlite3_stmt *row, struct key key)
{
	sqlite3_stmt *statement = db_statement(db, sql_delete);
	const char *file = file_of(row, COLUMN_FILE);

	if (file && journal_files_add(&c->unlinked, file) < 0)
		return -ENOMEM;
	c->entries--;
	c->bytes -= (int64_t)journal_cost(key, (uint64_t)sqlite3_column_int64(row, COLUMN_SIZE));
	if (statement)
		sqlite3_bind_int64(statement, 1, sqlite3_column_int64(row, COLUMN_SEQ));
	return db_run(db, statement);
}

/* 1: there was one. */
static int delete_key(struct row_change *c, struct db *db, struct key key)
{
	sqlite3_stmt *row = db_statement(db, sql_stat);

	if (row)
		state_bind_key(row, 1, key);
	int rc = db_step(db, row);
	if (rc > 0) {
		int deleted = delete_row(c, db, row, key);
		rc = deleted < 0 ? deleted : 1;
	}
	if (row)
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
	c->entries++;
	c->bytes += (int64_t)journal_cost(c->key, c->meta->size);
	return rc;
}

static void change_reset(struct row_change *c)
{
	c->entries = c->bytes = 0;
	c->directories = (struct journal_dirs){ .journal = c->journal };
	c->found = false;
}

static int apply_set(void *self, struct db *db)
{
	struct row_change *c = self;

	change_reset(c);
	int rc = delete_key(c, db, c->key);
	return rc < 0 ? rc : insert_row(c, db);
}

/* Runs the change, and what follows from it. */
static int run(struct row_change *c, int (*apply)(void *self, struct db *db))
{
	struct journal *j = c->journal;
	int rc = c->meta ? state_add(j->state, apply, c) : state_change(j->state, apply, c);

	if (rc == 0) {
		journal_account(j, c->entries, c->bytes);
		journal_account_directories(j, c->directories.count, c->directories.bytes);
		journal_files_remove(&c->unlinked, state_values(j->state));
	}
	journal_files_fini(&c->unlinked);
	return rc == -EHOSTDOWN || rc == -EAGAIN ? -EIO : rc;
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

static int journal_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	struct journal *j = state;
	struct row_change c = { .journal = j, .key = key, .meta = meta, .value = value };
	struct deadline deadline = deadline_in(&time_system, waiting_at_most(j->conf.wait_ms));
	bool again = true;
	int rc;

	waiting_begin();
	if (end_comes(meta->copy))
		atomic_store(&j->may_hide, true);
	do {
		rc = journal_wait_for_room(j, key, meta->size, &deadline);
		if (rc < 0)
			break;
		rc = lacks_space(j, value) ? -ENOSPC : store(&c);
		if (rc == -ENOSPC)
			journal_note_full(j);
		again = rc == -ENOSPC && journal_await_room(j, &deadline);
	} while (again);
	if (rc == 0 && atomic_load(&j->disk_full))
		atomic_store(&j->disk_full, false);
	return rc;
}

/* Rewrites the row that the statement stands at, under another key or with other metadata. */
static int rewrite_row(struct row_change *c, struct db *db, sqlite3_stmt *row, struct key from,
		       struct key to)
{
	struct meta meta = { 0 };
	size_t size = 0;
	const char *file = file_of(row, COLUMN_FILE);

	int rc = read_head(row, from, COLUMN_FILE, &meta);
	if (rc < 0)
		return rc;
	if (c->meta)
		meta_update(&meta, c->meta, c->fields);
	sqlite3_stmt *s = db_statement(db, sql_move);
	void *head = journal_row_pack(to, file, &meta, &size);
	if (s && head) {
		sqlite3_bind_int64(s, 1, sqlite3_column_int64(row, COLUMN_SEQ));
		sqlite3_bind_int64(s, 2, journal_new_seq(c->journal));
		state_bind_key(s, 3, to);
		sqlite3_bind_int64(s, 4, column_end(&meta));
		sqlite3_bind_blob(s, 5, head, (int)size, SQLITE_STATIC);
		if (end_comes(meta.copy))
			atomic_store(&c->journal->may_hide, true);
	}
	rc = head ? db_run(db, s) : -ENOMEM;
	free(head);
	meta_fini(&meta);
	return rc;
}

static int rewrite_key(struct row_change *c, struct db *db, struct key from, struct key to)
{
	sqlite3_stmt *row = db_statement(db, sql_stat);

	if (row)
		state_bind_key(row, 1, from);
	int rc = db_step(db, row);
	if (rc > 0)
		rc = rewrite_row(c, db, row, from, to);
	else
		rc = rc == 0 ? -ENOENT : rc;
	if (row)
		sqlite3_reset(row);
	return rc;
}

static int apply_touch(void *self, struct db *db)
{
	struct row_change *c = self;

	change_reset(c);
	return rewrite_key(c, db, c->key, c->key);
}

static int journal_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	struct meta now = { 0 };
	int rc = look_up(state, key, NULL, &now);

	meta_fini(&now);
	if (rc < 0)
		return rc == -ENODATA ? -ENOENT : rc;
	struct row_change c = { .journal = state, .key = key, .meta = meta, .fields = fields };
	return run(&c, apply_touch);
}

static int apply_remove(void *self, struct db *db)
{
	struct row_change *c = self;

	change_reset(c);
	int rc = delete_key(c, db, c->key);
	c->found = rc > 0;
	return rc < 0 ? rc : 0;
}

/* Whatever state the row is in. */
static int journal_remove(void *state, struct key key)
{
	struct row_change c = { .journal = state, .key = key };
	struct meta now = { 0 };

	if (journal_is_empty(state))
		return -ENOENT;
	bool visible = look_up(state, key, NULL, &now) == 0;
	meta_fini(&now);
	int rc = run(&c, apply_remove);
	return rc == 0 && !(c.found && visible) ? -ENOENT : rc;
}

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
		struct key key = state_column_key(rows, COLUMN_EXTRA);
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
	int64_t end_ms = time_mono_ms(&time_system) + STEP_MS;
	struct row_change *c = self;
	int rc, batches = 0;

	change_reset(c);
	do {
		rc = change_range(c, db);
	} while (rc > 0 && ++batches < STEP_BATCHES && time_mono_ms(&time_system) < end_ms);
	c->more = rc > 0;
	if (rc == 0)
		rc = journal_dirs_change(db, c->key, c->to, &c->directories);
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

static int journal_remove_prefix(void *state, struct key prefix)
{
	struct row_change c = { .journal = state, .key = prefix };
	bool found;

	if (journal_is_empty(state))
		return -ENOENT;
	int rc = run_range(&c, &found);
	return rc == 0 && !found ? -ENOENT : rc;
}

static int journal_rename_prefix(void *state, struct key from, struct key to)
{
	struct row_change c = { .journal = state, .key = from, .to = to };
	bool found;

	return journal_is_empty(state) ? 0 : run_range(&c, &found);
}

static int journal_check_rename_prefix(void *state, struct key from, struct key to)
{
	struct journal *j = state;
	struct state_range range;

	if (journal_is_empty(j) || to.size <= from.size)
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
	if (row)
		sqlite3_reset(row);
	state_read_end(j->state, db);
	return rc;
}

static int apply_rename(void *self, struct db *db)
{
	struct row_change *c = self;

	change_reset(c);
	int rc = delete_key(c, db, c->to);
	return rc < 0 ? rc : rewrite_key(c, db, c->key, c->to);
}

static int journal_rename(void *state, struct key from, struct key to)
{
	struct row_change c = { .journal = state, .key = from, .to = to };

	return journal_is_empty(state) ? -ENOENT : run(&c, apply_rename);
}

/* --- directories ------------------------------------------------------------------------------ */

/* first = dir/name + last: '0' skips all below the name, NUL the name itself. */
static void seek_after(struct key_buffer *first, struct key dir, struct key name, char last)
{
	size_t size = dir.size > 0 ? dir.size + 1 : 0;

	memcpy(first->bytes, dir.bytes, dir.size);
	if (dir.size > 0)
		first->bytes[dir.size] = '/';
	memcpy(first->bytes + size, name.bytes, name.size);
	first->bytes[size + name.size] = last;
	first->size = size + name.size + 1;
}

static void seek(sqlite3_stmt *rows, const struct key_buffer *first)
{
	sqlite3_reset(rows);
	state_bind_key(rows, 1, key_make(first->bytes, first->size));
}

/* A listing: what it goes on behind, and where the next row is sought. */
struct listing {
	struct key dir, after;
	bool after_is_dir;
	struct state_range range;
	struct instant now;
};

static int add_child(const struct listing *l, struct children *batch, struct key name, bool is_dir,
		     const struct meta *meta)
{
	if (!children_precede(batch, l->after, l->after_is_dir, name, is_dir))
		return -EIO;
	return children_add(batch, name, is_dir, meta);
}

/* Whether a row of sql_list that is no marker is of an entry that has ended. */
static bool has_ended(sqlite3_stmt *rows, struct key key, struct instant now)
{
	struct meta meta = { 0 };
	bool ended = read_head(rows, key, 1, &meta) == 0 && meta_is_expired(&meta, now);

	meta_fini(&meta);
	return ended;
}

/* Adds the child that the row says. 1: it is a directory, whose end is to be sought. */
static int add_row(struct listing *l, sqlite3_stmt *rows, struct children *batch)
{
	struct key key = state_column_key(rows, 0);
	struct meta meta = { 0 };
	int64_t seq = 0;

	if (key.size > KEY_MAX + 1 || (l->dir.size > 0 && !key_is_below(key, l->dir)))
		return -EIO; /* a damaged index may lead anywhere */
	struct key rest = l->dir.size > 0 ? key_relative(key, l->dir) : key;
	const char *slash = memchr(rest.bytes, '/', rest.size);
	bool is_marker = sqlite3_column_int(rows, 3) != 0;
	if (is_marker ? rest.size == 0 /* the directory's own */ : has_ended(rows, key, l->now))
		return 0;
	if (slash) {
		struct key name = key_make(rest.bytes, (size_t)(slash - rest.bytes));
		if (is_marker && name.size + 1 == rest.size) /* damaged: one all the same */
			journal_read_marker(rows, 2, key, &meta, &seq);
		int rc = add_child(l, batch, name, true, &meta);
		seek_after(&l->range.first, l->dir, name, '0');
		meta_fini(&meta);
		return rc < 0 ? rc : 1;
	}
	int rc = read_head(rows, key, 1, &meta);
	if (rc == 0)
		rc = add_child(l, batch, rest, false, &meta);
	meta_fini(&meta);
	return rc == -EBADMSG ? 0 : rc;
}

static int list_rows(struct journal *j, struct db *db, sqlite3_stmt *rows, struct listing *l,
		     struct children *batch)
{
	int rc = 0;

	l->now = time_instant(j->time);
	state_bind_range(rows, 1, l->dir, &l->range);
	if (l->after.size > 0) {
		seek_after(&l->range.first, l->dir, l->after, l->after_is_dir ? '0' : '\0');
		seek(rows, &l->range.first);
	}
	while (batch->count < CHILDREN_MAX && (rc = db_step(db, rows)) > 0) {
		rc = add_row(l, rows, batch);
		if (rc < 0)
			return rc;
		if (rc > 0)
			seek(rows, &l->range.first);
	}
	batch->end = rc == 0 && batch->count < CHILDREN_MAX;
	return rc < 0 ? rc : 0;
}

static int journal_list(void *state, struct key dir, struct key after, bool after_is_dir,
			struct children *batch)
{
	struct journal *j = state;
	struct listing l = { .dir = dir, .after = after, .after_is_dir = after_is_dir };

	if (journal_is_empty(j)) {
		batch->end = true;
		return 0;
	}
	struct db *db = state_read_begin(j->state);
	sqlite3_stmt *rows = db ? db_statement(db, sql_list) : NULL;
	int rc = rows ? list_rows(j, db, rows, &l, batch) : -EIO;
	if (rows)
		sqlite3_reset(rows);
	state_read_end(j->state, db);
	if (rc < 0)
		children_clear(batch);
	return rc;
}

static int journal_dir_stat(void *state, struct key dir, struct meta *meta)
{
	struct journal *j = state;
	struct state_range range;

	if (journal_is_empty(j))
		return -ENOENT;
	if (journal_find_marker(j, dir, meta) == 0)
		return 0;
	struct db *db = state_read_begin(j->state);
	sqlite3_stmt *row = db ? db_statement(db, sql_list) : NULL;
	struct instant now = time_instant(j->time);
	int rc = row ? 0 : -EIO;
	if (row)
		state_bind_range(row, 1, dir, &range);
	while (rc == 0 && (rc = db_step(db, row)) > 0 && sqlite3_column_int(row, 3) == 0 &&
	       has_ended(row, state_column_key(row, 0), now))
		rc = 0;
	if (row)
		sqlite3_reset(row);
	state_read_end(j->state, db);
	if (rc > 0)
		*meta = (struct meta){ 0 };
	return rc > 0 ? 0 : rc == 0 ? -ENOENT : rc;
}

/* --- the layer -------------------------------------------------------------------------------- */

static int journal_as_layer(const void *conf, const struct backend_env *env, void **state,
			    struct problem *problem)
{
	(void)env;
	(void)problem;
	*state = *(struct journal *const *)conf;
	return 0;
}

static void journal_layer_close(void *state)
{
	(void)state; /* journal_close() does it */
}

static int journal_sync(void *state)
{
	struct journal *j = state;

	return state_sync(j->state);
}

static int journal_temp_file(void *state)
{
	struct journal *j = state;

	return value_files_temp(state_values(j->state));
}

static void journal_usage(void *state, struct layer_usage *usage)
{
	struct journal_stats stats;

	journal_stats(state, &stats);
	*usage = (struct layer_usage){ .entries = stats.entries,
				       .bytes = stats.bytes,
				       .max_bytes = stats.max_bytes,
				       .path = state_dir(((struct journal *)state)->state) };
}

const struct backend backend_journal = {
	.type = "journal",
	.durable = true,
	.hides_slower = true,
	.open = journal_as_layer,
	.close = journal_layer_close,
	.stat = journal_stat,
	.get = journal_get,
	.set = journal_set,
	.foresee = journal_foresee,
	.touch = journal_touch,
	.remove = journal_remove,
	.remove_prefix = journal_remove_prefix,
	.rename = journal_rename,
	.rename_prefix = journal_rename_prefix,
	.check_rename_prefix = journal_check_rename_prefix,
	.list = journal_list,
	.dir_stat = journal_dir_stat,
	.dir_set = journal_dir_set,
	.dir_remove = journal_dir_remove,
	.sync = journal_sync,
	.temp_file = journal_temp_file,
	.usage = journal_usage,
};
