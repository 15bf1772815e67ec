/* See journal_list.h. */
#include "ledger/journal_list.h"

#include <errno.h>

#include "kit/child_merge.h"
#include "ledger/journal_dirs.h"
#include "ledger/journal_find.h"
#include "ledger/journal_store.h"

/* Which of them have ended the heads tell. */
static const char sql_list[] = "SELECT key, file, head, 0 FROM journal WHERE key >= ?1 AND key < ?2"
			       " UNION ALL SELECT key, NULL, head, 1 FROM directories"
			       " WHERE key >= ?1 AND key < ?2 ORDER BY key";

enum column { COLUMN_KEY, COLUMN_FILE, COLUMN_HEAD, COLUMN_IS_MARKER };

/* The rows of sql_list in a listing: it stands at one of them. */
struct stream {
	struct child_stream stream; /* the first member */
	struct db *db;
	sqlite3_stmt *rows;
	struct key dir;
	struct instant now;
	struct state_range range;
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

/* 1: the row is one for the merge; -EIO: a damaged index, which may lead anywhere. */
static int stream_read(struct stream *s)
{
	struct key key = state_column_key(s->rows, COLUMN_KEY);
	bool is_marker = sqlite3_column_int(s->rows, COLUMN_IS_MARKER) != 0;

	if (key.size > KEY_MAX + 1 || !(key_is_below(key, s->dir) || (is_marker && key.size == 0)))
		return -EIO;
	s->stream.key = key;
	s->stream.is_marker = is_marker;
	return is_marker || !has_ended(s->rows, key, s->now);
}

static int stream_seek(struct child_stream *stream, struct key at, bool is_near)
{
	struct stream *s = (struct stream *)stream;
	int rc;

	if (!is_near) {
		sqlite3_reset(s->rows);
		state_bind_key(s->rows, 1, key_keep(&s->range.first, at));
	}
	do {
		rc = db_step(s->db, s->rows);
		if (rc == 0)
			return -ENOENT;
		if (rc > 0)
			rc = stream_read(s);
	} while (rc == 0);
	return rc < 0 ? rc : 0;
}

static int stream_describe(struct child_stream *stream, struct child *child)
{
	struct stream *s = (struct stream *)stream;
	int64_t seq;

	if (!stream->is_marker)
		return journal_read_head(s->rows, stream->key, COLUMN_FILE, &child->meta);
	/* Damaged: a directory all the same. */
	journal_read_marker(s->rows, COLUMN_HEAD, stream->key, &child->meta, &seq);
	return 0;
}

int journal_list(void *state, struct key dir, struct key after, bool after_is_dir,
		 struct children *batch)
{
	struct journal *j = state;
	struct stream s = { .stream = { .seek = stream_seek, .describe = stream_describe },
			    .dir = dir };
	struct child_stream *const streams[] = { &s.stream };
	struct child_merge merge = { .streams = streams, .count = 1 };

	if (journal_room_is_empty(&j->room)) {
		batch->end = true;
		return 0;
	}
	int rc = child_merge_start(&merge, dir, after, after_is_dir);
	if (rc < 0)
		return rc;
	s.now = time_instant(j->time);
	s.db = state_read_begin(j->state);
	s.rows = s.db ? db_statement(s.db, sql_list) : NULL;
	if (s.rows)
		state_bind_range(s.rows, 1, dir, &s.range);
	rc = s.rows ? child_merge_run(&merge, batch) : -EIO;
	sqlite3_reset(s.rows);
	state_read_end(j->state, s.db);
	if (rc < 0)
		children_clear(batch);
	return rc == -EUCLEAN ? -EIO : rc;
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
