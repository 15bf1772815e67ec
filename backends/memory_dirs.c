/* Directories of the types on the heap: markers, listings, prefixes. See memory_store.h. */
#include "memory_store.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "cursor.h"

/* --- directories ------------------------------------------------------------------------------ */

int memory_dir_set(void *state, struct key dir, const struct meta *meta)
{
	struct memory *m = state;
	struct key_buffer buffer;
	struct entry *e = entry_new(marker_key(&buffer, dir), NULL, meta);
	struct pass p;

	if (!e)
		return -ENOMEM;
	pass_begin(&p, m);
	bool room = entries_reserve(&m->markers);
	if (room) {
		struct entry *old = entries_find(&m->markers, e->key);
		if (old) {
			entries_take(&m->markers, old);
			pass_bury(&p, old);
		}
		entries_put(&m->markers, e);
	}
	pass_end(&p);
	if (!room)
		entry_free(e);
	return room ? 0 : -ENOMEM;
}

int memory_dir_remove(void *state, struct key dir)
{
	struct memory *m = state;
	struct key_buffer buffer;
	struct pass p;

	pass_begin(&p, m);
	struct entry *e = entries_find(&m->markers, marker_key(&buffer, dir));
	if (e) {
		entries_take(&m->markers, e);
		pass_bury(&p, e);
	}
	pass_end(&p);
	return e ? 0 : -ENOENT;
}

/* The first of a store that is below dir (markers: dir's own included), or NULL. */
static struct entry *first_below(struct entries *s, struct key dir)
{
	struct key_buffer buffer;
	struct entry *e = entries_seek(s, marker_key(&buffer, dir));

	return e && (dir.size == 0 || key_is_below(e->key, dir)) ? e : NULL;
}

/* -EAGAIN: only expired ones so far. A directory that is left over above a marker exists too. */
static int dir_stat_locked(struct pass *p, struct key dir, struct meta *meta)
{
	struct memory *m = p->m;
	struct key_buffer buffer;
	struct entry *marker = entries_find(&m->markers, marker_key(&buffer, dir));

	if (marker) {
		meta_copy(meta, &marker->meta);
		return 0;
	}
	*meta = (struct meta){ 0 };
	if (first_below(&m->markers, dir))
		return 0;
	for (int i = 0; i < PASS_STEPS; i++) {
		struct entry *e = first_below(&m->entries, dir);
		if (!e)
			return -ENOENT;
		if (!meta_is_expired(&e->meta, p->now_ms))
			return 0;
		pass_lose(p, e);
	}
	return -EAGAIN;
}

int memory_dir_stat(void *state, struct key dir, struct meta *meta)
{
	struct pass p;
	int rc;

	do {
		pass_begin(&p, state);
		rc = dir_stat_locked(&p, dir, meta);
		pass_end(&p);
	} while (rc == -EAGAIN);
	return rc;
}

/* --- listing ---------------------------------------------------------------------------------- */

struct listing {
	struct cursor cursor;
	struct children *batch;
};

/* Adds the child that the entry or marker is or lies in, and moves behind it. */
static int listing_add(struct listing *l, const struct memory *m, const struct entry *first)
{
	bool is_dir;
	struct key dir;
	struct key name = cursor_pass(&l->cursor, first->key, &is_dir, &dir);
	const struct entry *described = is_dir ? entries_find(&m->markers, dir) : first;

	return children_add(l->batch, name, is_dir, described ? &described->meta : NULL);
}

/* The first at or after the listing's place that is below its directory, or NULL. */
static struct entry *listing_seek(const struct listing *l, const struct memory *m,
				  const struct entries *s)
{
	struct entry *e = entries_seek(s, cursor_at(&l->cursor));

	if (e && s == &m->markers && cursor_is_own_marker(&l->cursor, e->key))
		e = entries_next(e);
	return e && key_is_below(e->key, l->cursor.dir) ? e : NULL;
}

/* 0: the batch is full or at the end; -EAGAIN: go on with another pass. */
static int list_locked(struct pass *p, struct listing *l)
{
	struct memory *m = p->m;

	for (int i = 0; i < PASS_STEPS; i++) {
		struct entry *first = listing_seek(l, m, &m->entries);
		struct entry *marker = listing_seek(l, m, &m->markers);
		if (first && meta_is_expired(&first->meta, p->now_ms)) {
			pass_lose(p, first);
			continue;
		}
		if (!first || (marker && key_compare(marker->key, first->key) < 0))
			first = marker;
		if (!first) {
			l->batch->end = true;
			return 0;
		}
		if (l->batch->count == CHILDREN_MAX)
			return 0;
		int rc = listing_add(l, m, first);
		if (rc < 0)
			return rc;
	}
	return -EAGAIN;
}

int memory_list(void *state, struct key dir, struct key after, bool after_is_dir,
		struct children *batch)
{
	struct listing l = { .batch = batch };
	struct pass p;
	int rc = cursor_start(&l.cursor, dir, after, after_is_dir);

	if (rc < 0)
		return rc;
	do {
		pass_begin(&p, state);
		rc = list_locked(&p, &l);
		pass_end(&p);
	} while (rc == -EAGAIN);
	return rc;
}

/* --- prefixes --------------------------------------------------------------------------------- */

/* Throws out a bounded number; whether there may be more. Nobody else changes this range now. */
static bool remove_some(struct pass *p, struct entries *s, struct key dir)
{
	for (int i = 0; i < PASS_STEPS; i++) {
		struct entry *e = first_below(s, dir);
		if (!e)
			return false;
		entries_take(s, e);
		pass_bury(p, e);
	}
	return true;
}

int memory_remove_prefix(void *state, struct key dir)
{
	struct memory *m = state;
	struct pass p;
	bool more;

	do {
		pass_begin(&p, m);
		more = remove_some(&p, &m->entries, dir) || remove_some(&p, &m->markers, dir);
		pass_end(&p);
	} while (more);
	return 0;
}

/* A rename of a directory, on its way through the keys below. */
struct move {
	struct key from, to;
	struct key_buffer key, moved; /* an entry's, before and after */
};

/* Notes a key below `from` and what it becomes: 0, or -ENAMETOOLONG if that is over the limit. */
static int move_note(struct move *move, struct key key, size_t limit)
{
	const char *rest = key.bytes + move->from.size; /* from its slash on */
	size_t rest_size = key.size - move->from.size;

	if (move->to.size + rest_size > limit)
		return -ENAMETOOLONG;
	memcpy(move->key.bytes, key.bytes, key.size);
	move->key.size = key.size;
	memcpy(move->moved.bytes, move->to.bytes, move->to.size);
	memcpy(move->moved.bytes + move->to.size, rest, rest_size);
	move->moved.size = move->to.size + rest_size;
	return 0;
}

/* The first key below `from` at or after move->key, and what it becomes. -ENOENT: none is left. */
static int move_next(struct memory *m, struct entries *s, struct move *move)
{
	struct pass p;
	int rc = -ENOENT;

	pass_begin(&p, m);
	struct entry *e = entries_seek(s, key_make(move->key.bytes, move->key.size));
	if (e && key_is_below(e->key, move->from))
		rc = move_note(move, e->key, s == &m->markers ? KEY_MAX + 1 : KEY_MAX);
	pass_end(&p);
	return rc;
}

/* Whether all keys that a rename would make are short enough: 0 or -ENAMETOOLONG. */
static int move_check(struct memory *m, struct entries *s, struct move *move)
{
	int rc;

	if (move->to.size <= move->from.size)
		return 0;
	marker_key(&move->key, move->from);
	while ((rc = move_next(m, s, move)) == 0)
		move->key.bytes[move->key.size++] = '\0'; /* the key that follows this one */
	return rc == -ENOENT ? 0 : rc;
}

static int move_entry(struct memory *m, struct key from, struct key to)
{
	int rc = memory_rename(m, from, to);

	if (rc != -EFBIG)
		return rc == -ENOENT ? 0 : rc; /* evicted or expired meanwhile */
	struct pass p;
	pass_begin(&p, m); /* its new key makes it too large: evicted */
	struct entry *e = pass_live(&p, from);
	if (e)
		pass_lose(&p, e);
	pass_end(&p);
	return 0;
}

static int move_marker(struct memory *m, struct key from, struct key to)
{
	struct entry *e = entry_new(to, NULL, NULL);
	struct pass p;

	if (!e)
		return -ENOMEM;
	pass_begin(&p, m);
	struct entry *old = entries_find(&m->markers, from);
	struct entry *replaced = entries_find(&m->markers, to);
	if (replaced) {
		entries_take(&m->markers, replaced);
		pass_bury(&p, replaced);
	}
	entries_move(&m->markers, old, e);
	pass_bury(&p, old);
	pass_end(&p);
	return 0;
}

/* All of one store, one key after the other: the key just moved is no longer there. */
static int move_all(struct memory *m, struct entries *s, struct move *move,
		    int (*one)(struct memory *m, struct key from, struct key to))
{
	int rc;

	marker_key(&move->key, move->from);
	while ((rc = move_next(m, s, move)) == 0) {
		rc = one(m, key_make(move->key.bytes, move->key.size),
			 key_make(move->moved.bytes, move->moved.size));
		if (rc < 0)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

int memory_rename_prefix(void *state, struct key from, struct key to)
{
	struct memory *m = state;
	struct move move = { .from = from, .to = to };

	assert(key_is_valid(from) && key_is_valid(to));
	assert(!key_is_below(to, from));
	if (key_equal(from, to))
		return 0;
	int rc = move_check(m, &m->entries, &move);
	if (rc == 0)
		rc = move_check(m, &m->markers, &move);
	if (rc == 0)
		rc = move_all(m, &m->entries, &move, move_entry);
	if (rc == 0)
		rc = move_all(m, &m->markers, &move, move_marker);
	return rc;
}
