/*
 * Lists the children of a directory: four ordered streams (entries and markers, keys stored as TEXT
 * and as BLOB) for the merge of kit/child_merge.h. Also examines the keys below a directory.
 */
#include "disk/list.h"

#include <errno.h>

#include "disk/row.h"
#include "disk/store.h"
#include "kit/child_merge.h"
#include "kit/marker.h"

enum { STREAMS = 4 };

struct listing {
	struct disk *disk;
	struct db *db;
	struct key dir;
	struct instant now;
};

/* It stands at a row of its statement. */
struct stream {
	struct child_stream stream; /* the first member */
	const struct listing *listing;
	sqlite3_stmt *statement;
	enum disk_key_type type;
	struct disk_range range;
};

static int key_column(const struct stream *s)
{
	return s->stream.is_marker ? 0 : DISK_COLUMN_EXTRA;
}

/* Whether the row's key is one of ours, and below the directory. */
static bool is_listed(const struct stream *s)
{
	struct key key = disk_column_key(s->statement, key_column(s));
	bool is_ours = s->stream.is_marker ? key.size <= KEY_MAX + 1
					   : disk_column_key_is_ours(s->statement, key_column(s));

	return is_ours && key_is_below(key, s->listing->dir);
}

static int stream_seek(struct child_stream *stream, struct key at, bool is_near)
{
	struct stream *s = (struct stream *)stream;
	int rc;

	if (!s->statement)
		return db_errno(s->listing->db);
	if (!is_near) {
		sqlite3_reset(s->statement);
		key_keep(&s->range.first, at);
		disk_range_bind(s->statement, &s->range, s->type);
		if (!stream->is_marker)
			disk_bind_instant(s->statement, 3, s->listing->now);
	}
	do {
		rc = db_step(s->listing->db, s->statement);
	} while (rc > 0 && !is_listed(s));
	if (rc > 0)
		stream->key = disk_column_key(s->statement, key_column(s));
	return rc > 0 ? 0 : rc == 0 ? -ENOENT : rc;
}

static int stream_describe(struct child_stream *stream, struct child *child)
{
	struct stream *s = (struct stream *)stream;
	struct disk *d = s->listing->disk;

	if (stream->is_marker) {
		disk_row_dir_meta(s->statement, &child->meta);
		return 0;
	}
	disk_row_meta(s->statement, &child->meta);
	/* A listing does not read its rows again for what is written down just now. */
	disk_hits_add(&d->hits, stream->key, disk_row_used(s->statement),
		      disk_hits_settled(&d->hits), &child->meta);
	return 0;
}

static struct stream stream_of(const struct listing *l, enum disk_statement statement,
			       enum disk_key_type type, bool are_markers)
{
	struct stream s = { .stream = { .seek = stream_seek,
					.describe = stream_describe,
					.is_marker = are_markers },
			    .listing = l,
			    .statement = disk_statement(l->db, statement),
			    .type = type };

	disk_range_below(&s.range, l->dir);
	return s;
}

static int list_children(struct disk *d, struct db *db, struct key dir, struct key after,
			 bool after_is_dir, struct children *batch)
{
	const struct listing l = { d, db, dir, time_instant(d->env->time) };
	struct stream all[STREAMS] = { stream_of(&l, DISK_LIST_TEXT, DISK_KEYS_TEXT, false),
				       stream_of(&l, DISK_LIST_BLOB, DISK_KEYS_BLOB, false),
				       stream_of(&l, DISK_LIST_DIRS_TEXT, DISK_KEYS_TEXT, true),
				       stream_of(&l, DISK_LIST_DIRS_BLOB, DISK_KEYS_BLOB, true) };
	struct child_stream *const streams[STREAMS] = { &all[0].stream, &all[1].stream,
							&all[2].stream, &all[3].stream };
	struct child_merge merge = { .streams = streams, .count = STREAMS };
	int rc = child_merge_start(&merge, dir, after, after_is_dir);

	if (rc == 0)
		rc = child_merge_run(&merge, batch);
	for (int i = 0; i < STREAMS; i++)
		sqlite3_reset(all[i].statement);
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
