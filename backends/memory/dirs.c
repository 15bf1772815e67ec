/* Directories of a layer on the heap. See memory/dirs.h. */
#include "memory/dirs.h"

#include <assert.h>
#include <errno.h>

#include "kit/entries_dirs.h"
#include "memory/keys.h"
#include "memory/store.h"

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

/* -EAGAIN: only expired ones so far. A directory that is left over above a marker exists too. */
static int dir_stat_locked(struct pass *p, struct key dir, struct meta *meta)
{
	struct memory *m = p->m;
	struct key_buffer buffer;
	struct entry *marker = entries_find(&m->markers, marker_key(&buffer, dir));

	assert(lock_is_held(&m->lock));
	if (marker) {
		meta_copy(meta, &marker->meta);
		return 0;
	}
	*meta = (struct meta){ 0 };
	if (entries_first_below(&m->markers, dir))
		return 0;
	for (int i = 0; i < PASS_STEPS; i++) {
		struct entry *e = entries_first_below(&m->entries, dir);
		if (!e)
			return -ENOENT;
		if (!meta_is_expired(&e->meta, p->now))
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

/* 0: the batch is full or at the end; -EAGAIN: go on with another pass. */
static int list_locked(struct pass *p, struct entries_listing *l, struct children *batch)
{
	assert(lock_is_held(&p->m->lock));
	for (int i = 0; i < PASS_STEPS; i++) {
		int rc = entries_list(l, p->now, batch);
		if (rc != -EAGAIN)
			return rc;
		pass_lose(p, l->expired);
	}
	return -EAGAIN;
}

int memory_list(void *state, struct key dir, struct key after, bool after_is_dir,
		struct children *batch)
{
	struct memory *m = state;
	struct entries_listing l;
	struct pass p;
	int rc = entries_list_start(&l, &m->entries, &m->markers, dir, after, after_is_dir);

	if (rc < 0)
		return rc;
	do {
		pass_begin(&p, m);
		rc = list_locked(&p, &l, batch);
		pass_end(&p);
	} while (rc == -EAGAIN);
	return rc;
}

/* --- prefixes --------------------------------------------------------------------------------- */

/* Throws out a bounded number; whether there may be more. Nobody else changes this range now.
 * *found: something that had not expired. */
static bool remove_some_locked(struct pass *p, struct entries *s, struct key prefix, bool *found)
{
	assert(lock_is_held(&p->m->lock));
	for (int i = 0; i < PASS_STEPS; i++) {
		struct entry *e = entries_first_with(s, prefix);
		if (!e)
			return false;
		*found |= !meta_is_expired(&e->meta, p->now);
		entries_take(s, e);
		pass_bury(p, e);
	}
	return true;
}

int memory_remove_prefix(void *state, struct key prefix)
{
	struct memory *m = state;
	struct pass p;
	bool more, found = false;

	do {
		pass_begin(&p, m);
		more = remove_some_locked(&p, &m->entries, prefix, &found) ||
		       remove_some_locked(&p, &m->markers, prefix, &found);
		pass_end(&p);
	} while (more);
	return found ? 0 : -ENOENT;
}

/* The first key below `from` at or after move->key, and what it becomes. -ENOENT: none is left. */
static int move_next(struct memory *m, struct entries *s, struct entries_walk *move)
{
	struct pass p;

	pass_begin(&p, m);
	int rc = entries_move_next(s, move, s == &m->markers ? KEY_MAX + 1 : KEY_MAX);
	pass_end(&p);
	return rc;
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
	assert(old && old != replaced); /* nobody else changes this range now */
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
static int move_all(struct memory *m, struct entries *s, struct entries_walk *move,
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

int memory_check_rename_prefix(void *state, struct key from, struct key to)
{
	struct memory *m = state;
	struct entries_walk move = { .from = from, .to = to };
	struct pass p;
	int rc;

	do {
		pass_begin(&p, m);
		rc = entries_check_move(&move, &m->entries, &m->markers);
		pass_end(&p);
	} while (rc == -EAGAIN);
	return rc;
}

int memory_rename_prefix(void *state, struct key from, struct key to)
{
	struct memory *m = state;
	struct entries_walk move = { .from = from, .to = to };

	assert(key_is_valid(from) && key_is_valid(to));
	assert(!key_is_below(to, from));
	if (key_equal(from, to))
		return 0;
	int rc = memory_check_rename_prefix(m, from, to);
	if (rc == 0)
		rc = move_all(m, &m->entries, &move, move_entry);
	if (rc == 0)
		rc = move_all(m, &m->markers, &move, move_marker);
	return rc;
}
