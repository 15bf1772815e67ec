/*
 * Children of a directory: four ordered streams (entries and markers, keys stored as TEXT and as
 * BLOB), merged. Below a sub-directory only the first key is read: the next one looked for is the
 * first after "dir/sub/", so the cost is that of the children.
 */
#include "disk/list.h"

#include <errno.h>
#include <string.h>

#include "disk/row.h"
#include "disk/store.h"

struct cursor {
	sqlite3_stmt *statement;
	int key_column;
	bool markers;
	enum disk_key_type type;
	struct disk_range range;
	bool end;
	/* the child that the stream stands at; name lies in the statement's row */
	struct key name;
	bool is_dir;
	bool has_marker;
};

struct listing {
	struct disk *disk;
	struct db *db;
	struct key dir;
	struct instant now;
	struct cursor cursors[4];
};

enum { CURSORS = 4 };

static int cursor_seek(struct listing *l, struct cursor *c)
{
	if (!c->statement)
		return db_errno(l->db);
	sqlite3_reset(c->statement);
	disk_range_bind(c->statement, &c->range, c->type);
	if (!c->markers)
		disk_bind_instant(c->statement, 3, l->now);
	return 0;
}

/* What the row's key says about a child of the directory. False: nothing (the directory's own
 * marker). */
static bool cursor_read(const struct listing *l, struct cursor *c)
{
	if (!c->markers && !disk_column_key_is_ours(c->statement, c->key_column))
		return false;
	struct key key = disk_column_key(c->statement, c->key_column);
	if (!key_is_below(key, l->dir))
		return false;
	c->name = key_child(key, l->dir, &c->is_dir);
	if (c->markers && !c->is_dir)
		return false;
	c->has_marker = c->markers && c->name.bytes + c->name.size + 1 == key.bytes + key.size;
	return true;
}

static int cursor_step(struct listing *l, struct cursor *c)
{
	int rc;

	do {
		rc = db_step(l->db, c->statement);
	} while (rc > 0 && !cursor_read(l, c));
	c->end = rc == 0;
	return rc < 0 ? rc : 0;
}

/* first = dir/name + last: '0' skips all below the name, NUL the name itself. */
static int bound_after(struct key_buffer *first, struct key dir, struct key name, char last)
{
	size_t size = dir.size > 0 ? dir.size + 1 : 0;

	if (size + name.size + 1 > sizeof(first->bytes))
		return -ENAMETOOLONG;
	memcpy(first->bytes, dir.bytes, dir.size);
	if (dir.size > 0)
		first->bytes[dir.size] = '/';
	memcpy(first->bytes + size, name.bytes, name.size);
	first->bytes[size + name.size] = last;
	first->size = size + name.size + 1;
	return 0;
}

static int cursor_next(struct listing *l, struct cursor *c)
{
	if (c->is_dir) {
		int rc = bound_after(&c->range.first, l->dir, c->name, '0');
		if (rc == 0)
			rc = cursor_seek(l, c);
		if (rc < 0)
			return rc;
	}
	return cursor_step(l, c);
}

static int listing_open(struct listing *l, struct key after, bool after_is_dir)
{
	static const enum disk_statement ids[CURSORS] = { DISK_LIST_TEXT, DISK_LIST_BLOB,
							  DISK_LIST_DIRS_TEXT,
							  DISK_LIST_DIRS_BLOB };
	int rc = 0;

	for (int i = 0; i < CURSORS && rc == 0; i++) {
		struct cursor *c = &l->cursors[i];
		c->statement = disk_statement(l->db, ids[i]);
		c->markers = i >= 2;
		c->key_column = c->markers ? 0 : DISK_COLUMN_EXTRA;
		c->type = i % 2 == 0 ? DISK_KEYS_TEXT : DISK_KEYS_BLOB;
		disk_range_below(&c->range, l->dir);
		if (after.size > 0 || after_is_dir)
			rc = bound_after(&c->range.first, l->dir, after, after_is_dir ? '0' : '\0');
		if (rc == 0)
			rc = cursor_seek(l, c);
		if (rc == 0)
			rc = cursor_step(l, c);
	}
	return rc;
}

static void listing_close(struct listing *l)
{
	for (int i = 0; i < CURSORS; i++)
		if (l->cursors[i].statement)
			sqlite3_reset(l->cursors[i].statement);
}

static int cursor_compare(const struct cursor *a, const struct cursor *b)
{
	return child_compare(a->name, a->is_dir, b->name, b->is_dir);
}

static struct cursor *listing_first(struct listing *l)
{
	struct cursor *first = NULL;

	for (int i = 0; i < CURSORS; i++)
		if (!l->cursors[i].end && (!first || cursor_compare(&l->cursors[i], first) < 0))
			first = &l->cursors[i];
	return first;
}

static void child_meta(struct listing *l, const struct cursor *c, struct meta *meta)
{
	if (c->has_marker) {
		disk_row_dir_meta(c->statement, meta);
	} else if (!c->is_dir) {
		disk_row_meta(c->statement, meta);
		/* A listing does not read its rows again for what is written down just now. */
		disk_hits_add(&l->disk->hits, disk_column_key(c->statement, c->key_column),
			      disk_row_used(c->statement), disk_hits_settled(&l->disk->hits), meta);
	}
}

/* Adds the child that `first` stands at, and moves every stream past it. */
static int listing_take(struct listing *l, const struct cursor *first, struct children *batch)
{
	const struct cursor *best = first;
	bool same[CURSORS];
	struct meta meta = { 0 };

	for (int i = 0; i < CURSORS; i++) {
		const struct cursor *c = &l->cursors[i];
		same[i] = !c->end && cursor_compare(c, first) == 0;
		if (same[i] && c->has_marker)
			best = c;
	}
	child_meta(l, best, &meta);
	int rc = children_add(batch, first->name, first->is_dir, &meta);
	meta_fini(&meta);
	for (int i = 0; i < CURSORS && rc == 0; i++)
		if (same[i])
			rc = cursor_next(l, &l->cursors[i]);
	return rc;
}

static int list_children(struct disk *d, struct db *db, struct key dir, struct key after,
			 bool after_is_dir, struct children *batch)
{
	struct listing l = { .disk = d, .db = db, .dir = dir };

	l.now = time_instant(d->env->time);
	int rc = listing_open(&l, after, after_is_dir);
	while (rc == 0) {
		const struct cursor *first = listing_first(&l);
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

	disk_marker_key(dir, &marker);
	if (s)
		disk_bind_key(s, 1, key_make(marker.bytes, marker.size));
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
