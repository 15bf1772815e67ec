/*
 * Children of a directory: four ordered streams (entries and markers, keys stored as TEXT and as
 * BLOB), merged. Below a sub-directory only the first key is read: the next one looked for is the
 * first after "dir/sub/", so the cost is that of the children.
 */
#include "disk/list.h"

#include <assert.h>
#include <errno.h>

#include "disk/row.h"
#include "disk/store.h"
#include "kit/cursor.h"

struct stream {
	sqlite3_stmt *statement;
	int key_column;
	bool markers;
	enum disk_key_type type;
	struct cursor cursor;    /* behind the child that the stream stands at */
	struct disk_range range; /* from where it was sought */
	bool end;
	/* that child; name lies in the statement's row */
	struct key name;
	bool is_dir;
	bool has_marker;
};

struct listing {
	struct disk *disk;
	struct db *db;
	struct key dir;
	struct instant now;
	struct stream streams[4];
};

enum { STREAMS = 4 };

static int stream_seek(struct listing *l, struct stream *s)
{
	if (!s->statement)
		return db_errno(l->db);
	sqlite3_reset(s->statement);
	s->range.first = s->cursor.at;
	disk_range_bind(s->statement, &s->range, s->type);
	if (!s->markers)
		disk_bind_instant(s->statement, 3, l->now);
	return 0;
}

/* What the row's key says about a child of the directory. False: nothing (the directory's own
 * marker, what no call can name). */
static bool stream_read(const struct listing *l, struct stream *s)
{
	struct key key = disk_column_key(s->statement, s->key_column), marker;

	if (s->markers ? key.size > KEY_MAX + 1
		       : !disk_column_key_is_ours(s->statement, s->key_column))
		return false;
	if (!key_is_below(key, l->dir))
		return false;
	s->name = cursor_pass(&s->cursor, key, &s->is_dir, &marker);
	if (s->markers && !s->is_dir)
		return false;
	s->has_marker = s->markers && marker.size == key.size;
	return true;
}

static int stream_step(struct listing *l, struct stream *s)
{
	int rc;

	do {
		rc = db_step(l->db, s->statement);
	} while (rc > 0 && !stream_read(l, s));
	s->end = rc == 0;
	return rc < 0 ? rc : 0;
}

static int stream_next(struct listing *l, struct stream *s)
{
	if (s->is_dir) {
		int rc = stream_seek(l, s);
		if (rc < 0)
			return rc;
	}
	return stream_step(l, s);
}

static int listing_open(struct listing *l, struct key after, bool after_is_dir)
{
	static const enum disk_statement ids[STREAMS] = { DISK_LIST_TEXT, DISK_LIST_BLOB,
							  DISK_LIST_DIRS_TEXT,
							  DISK_LIST_DIRS_BLOB };
	int rc = 0;

	for (int i = 0; i < STREAMS && rc == 0; i++) {
		struct stream *s = &l->streams[i];
		s->statement = disk_statement(l->db, ids[i]);
		s->markers = i >= 2;
		s->key_column = s->markers ? 0 : DISK_COLUMN_EXTRA;
		s->type = i % 2 == 0 ? DISK_KEYS_TEXT : DISK_KEYS_BLOB;
		disk_range_below(&s->range, l->dir);
		rc = cursor_start(&s->cursor, l->dir, after, after_is_dir);
		if (rc == 0)
			rc = stream_seek(l, s);
		if (rc == 0)
			rc = stream_step(l, s);
	}
	return rc;
}

static void listing_close(struct listing *l)
{
	for (int i = 0; i < STREAMS; i++)
		if (l->streams[i].statement)
			sqlite3_reset(l->streams[i].statement);
}

static int stream_compare(const struct stream *a, const struct stream *b)
{
	return child_compare(a->name, a->is_dir, b->name, b->is_dir);
}

static struct stream *listing_first(struct listing *l)
{
	struct stream *first = NULL;

	for (int i = 0; i < STREAMS; i++)
		if (!l->streams[i].end && (!first || stream_compare(&l->streams[i], first) < 0))
			first = &l->streams[i];
	return first;
}

static void child_meta(struct listing *l, const struct stream *s, struct meta *meta)
{
	if (s->has_marker) {
		disk_row_dir_meta(s->statement, meta);
	} else if (!s->is_dir) {
		disk_row_meta(s->statement, meta);
		/* A listing does not read its rows again for what is written down just now. */
		disk_hits_add(&l->disk->hits, disk_column_key(s->statement, s->key_column),
			      disk_row_used(s->statement), disk_hits_settled(&l->disk->hits), meta);
	}
}

/* Adds the child that `first` stands at, and moves every stream past it. */
static int listing_take(struct listing *l, const struct stream *first, struct children *batch)
{
	const struct stream *best = first;
	bool same[STREAMS];
	struct meta meta = { 0 };

	for (int i = 0; i < STREAMS; i++) {
		const struct stream *s = &l->streams[i];
		same[i] = !s->end && stream_compare(s, first) == 0;
		if (same[i] && s->has_marker)
			best = s;
	}
	assert(stream_compare(best, first) == 0);
	child_meta(l, best, &meta);
	int rc = children_add(batch, first->name, first->is_dir, &meta);
	meta_fini(&meta);
	for (int i = 0; i < STREAMS && rc == 0; i++)
		if (same[i])
			rc = stream_next(l, &l->streams[i]);
	return rc;
}

static int list_children(struct disk *d, struct db *db, struct key dir, struct key after,
			 bool after_is_dir, struct children *batch)
{
	struct listing l = { .disk = d, .db = db, .dir = dir };

	l.now = time_instant(d->env->time);
	int rc = listing_open(&l, after, after_is_dir);
	while (rc == 0) {
		const struct stream *first = listing_first(&l);
		batch->end = !first;
		if (!first || batch->count == CHILDREN_MAX)
			break;
		rc = children_precede(batch, after, after_is_dir, first->name, first->is_dir)
			     ? listing_take(&l, first, batch)
			     : -EUCLEAN;
	}
	listing_close(&l);
	return rc;
}

static int read_children(struct disk *d, struct db *db, struct disk_lookup *lookup)
{
	children_clear(lookup->batch);
	return list_children(d, db, lookup->key, lookup->after, lookup->after_is_dir,
			     lookup->batch);
}

int disk_list(void *state, struct key dir, struct key after, bool after_is_dir,
	      struct children *batch)
{
	struct disk_lookup lookup = {
		.key = dir, .after = after, .after_is_dir = after_is_dir, .batch = batch
	};

	int rc = disk_read(state, read_children, &lookup);
	if (rc < 0)
		children_clear(batch);
	return rc;
}

/* --- what is below ---------------------------------------------------------------------------- */

/* 1: there is a live key, or a marker, below the directory. */
static int any_below(struct disk *d, struct db *db, enum disk_statement id,
		     const struct disk_range *range, enum disk_key_type type)
{
	sqlite3_stmt *s = disk_statement(db, id);

	if (s) {
		disk_range_bind(s, range, type);
		if (id == DISK_BELOW)
			disk_bind_instant(s, 3, time_instant(d->env->time));
	}
	int rc = db_step(db, s);
	if (s)
		sqlite3_reset(s);
	return rc;
}

static int read_marker(struct db *db, struct key dir, struct meta *meta)
{
	struct key_buffer marker;
	sqlite3_stmt *s = disk_statement(db, DISK_DIR_STAT);

	if (s)
		disk_bind_key(s, 1, marker_key(&marker, dir));
	int rc = db_step(db, s);
	if (rc > 0)
		disk_row_dir_meta(s, meta);
	if (s)
		sqlite3_reset(s);
	return rc;
}

static int read_dir(struct disk *d, struct db *db, struct disk_lookup *lookup)
{
	struct disk_range range;
	int rc = read_marker(db, lookup->key, &lookup->meta);

	disk_range_below(&range, lookup->key);
	for (int type = DISK_KEYS_TEXT; type <= DISK_KEYS_BLOB && rc == 0; type++) {
		rc = any_below(d, db, DISK_BELOW, &range, (enum disk_key_type)type);
		if (rc == 0)
			rc = any_below(d, db, DISK_DIRS_BELOW, &range, (enum disk_key_type)type);
	}
	return rc > 0 ? 0 : rc < 0 ? rc : -ENOENT;
}

int disk_dir_stat(void *state, struct key dir, struct meta *meta)
{
	struct disk_lookup lookup = { .key = dir };

	int rc = disk_read(state, read_dir, &lookup);
	if (rc == 0)
		*meta = lookup.meta;
	return rc;
}

/* Whether the keys of a range have at most `longest` bytes: 0 or -ENAMETOOLONG. */
static int check_longest(struct db *db, enum disk_statement id, const struct disk_range *range,
			 enum disk_key_type type, int64_t longest)
{
	sqlite3_stmt *s = disk_statement(db, id);

	if (s)
		disk_range_bind(s, range, type);
	int rc = db_step(db, s);
	if (rc > 0)
		rc = sqlite3_column_int64(s, 0) > longest ? -ENAMETOOLONG : 0;
	if (s)
		sqlite3_reset(s);
	return rc;
}

static int check_lengths(struct disk *d, struct db *db, struct disk_lookup *lookup)
{
	int64_t longest = KEY_MAX - (int64_t)lookup->to.size + (int64_t)lookup->key.size;
	struct disk_range range;
	int rc = 0;

	(void)d;
	disk_range_below(&range, lookup->key);
	for (int type = DISK_KEYS_TEXT; type <= DISK_KEYS_BLOB && rc == 0; type++) {
		rc = check_longest(db, DISK_LONGEST_BELOW, &range, (enum disk_key_type)type,
				   longest);
		if (rc == 0) /* a marker's key has a slash more */
			rc = check_longest(db, DISK_DIRS_LONGEST_BELOW, &range,
					   (enum disk_key_type)type, longest + 1);
	}
	return rc;
}

int disk_check_rename_prefix(void *state, struct key from, struct key to)
{
	struct disk_lookup lookup = { .key = from, .to = to };

	return to.size <= from.size ? 0 : disk_read(state, check_lengths, &lookup);
}
