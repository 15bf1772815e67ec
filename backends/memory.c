/*
 * Type "memory": the layer that is asked first. Entries and markers live in two stores of
 * entries.h, under one lock. A marker's key is its directory's with a slash at the end, so that
 * both stores have the order of a listing; the root's is empty.
 *
 * Every operation is a few *passes*: a pass holds the lock, does a bounded amount of work, and
 * frees and tells of what it threw out after unlocking (freeing a value of 100 MB takes 8 ms, and
 * every lookup waits on this lock).
 */
#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "entries.h"
#include "lock.h"

enum {
	PASS_STEPS = 256, /* entries walked or thrown out while the lock is held */
	EAGER_STEPS = 16, /* expired ones that an operation removes as it passes */
};

struct memory_conf {
	uint64_t max_entries;
	uint64_t max_bytes;
	bool eager_expiry;
};

struct memory {
	const struct memory_conf *conf;
	const struct backend_env *env;
	struct lock lock; /* RANK_LAYER; guards the rest */
	struct entries entries;
	struct entries markers;
	uint64_t evictions, expiries;
};

static const struct option_spec memory_options[] = {
	{ .name = "max_entries",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct memory_conf, max_entries),
	  .def = "null",
	  .min = 1,
	  .nullable = true,
	  .doc = "the most entries it holds" },
	{ .name = "max_bytes",
	  .type = OPT_BYTES,
	  .offset = offsetof(struct memory_conf, max_bytes),
	  .def = "null",
	  .min = 1,
	  .nullable = true,
	  .doc = "the most bytes it holds: values, keys and what it takes to keep them" },
	{ .name = "eager_expiry",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct memory_conf, eager_expiry),
	  .def = "true",
	  .doc = "remove expired entries as any operation passes, not when touched" },
	{ 0 },
};

/* --- passes ----------------------------------------------------------------------------------- */

struct pass {
	struct memory *m;
	int64_t now_ms;
	struct entry *dead; /* out of the stores, to be freed */
};

static void bury(struct pass *p, struct entry *e)
{
	e->link = p->dead;
	p->dead = e;
}

/* The layer drops an entry of its own accord. */
static void lose(struct pass *p, struct entry *e)
{
	if (meta_is_expired(&e->meta, p->now_ms))
		p->m->expiries++;
	else
		p->m->evictions++;
	entries_take(&p->m->entries, e);
	e->lost = true;
	bury(p, e);
}

static void pass_begin(struct pass *p, struct memory *m)
{
	*p = (struct pass){ .m = m, .now_ms = time_wall_ms(m->env->time) };
	lock_take(&m->lock);
	for (int i = 0; m->conf->eager_expiry && i < EAGER_STEPS; i++) {
		struct entry *due = entries_due(&m->entries, p->now_ms);
		if (!due)
			break;
		lose(p, due);
	}
}

static void pass_end(struct pass *p)
{
	lock_release(&p->m->lock);
	while (p->dead) {
		struct entry *e = p->dead;
		p->dead = e->link;
		if (e->lost && p->m->env->gone)
			p->m->env->gone(p->m->env->self, e->key);
		entry_free(e);
	}
}

/* The entry of key, unless it has expired. */
static struct entry *live(struct pass *p, struct key key)
{
	struct entry *e = entries_find(&p->m->entries, key);

	if (e && meta_is_expired(&e->meta, p->now_ms)) {
		lose(p, e);
		return NULL;
	}
	return e;
}

/* Whether an entry of `charge` bytes fits in, in the place of `old` (may be NULL). */
static bool fits(const struct memory *m, const struct entry *old, uint64_t charge)
{
	const struct entries *s = &m->entries;

	if (m->conf->max_entries > 0 && s->count + (old ? 0 : 1) > m->conf->max_entries)
		return false;
	return m->conf->max_bytes == 0 ||
	       s->bytes - (old ? old->charge : 0) + charge <= m->conf->max_bytes;
}

static bool fits_alone(const struct memory *m, uint64_t charge)
{
	return m->conf->max_bytes == 0 || charge <= m->conf->max_bytes;
}

/* Evicts others until it fits, which alone it does. False: not there yet, let other threads in. */
static bool make_room(struct pass *p, const struct entry *old, uint64_t charge, int steps)
{
	for (int i = 0; !fits(p->m, old, charge); i++) {
		struct entry *victim = entries_victim(&p->m->entries, old, p->now_ms);
		if (i == steps)
			return false;
		assert(victim);
		lose(p, victim);
	}
	return true;
}

/* --- opening and closing ---------------------------------------------------------------------- */

static int memory_open(const void *conf, const struct backend_env *env, void **state,
		       struct problem *problem)
{
	struct memory *m = calloc(1, sizeof(*m));

	if (!m)
		return problem_set(problem, NULL, NULL, "out of memory");
	m->conf = conf;
	m->env = env;
	if (entries_init(&m->entries, &entries_lru) < 0 ||
	    entries_init(&m->markers, &entries_keep) < 0) {
		entries_fini(&m->entries);
		free(m);
		return problem_set(problem, NULL, NULL, "out of memory");
	}
	lock_init(&m->lock, RANK_LAYER);
	*state = m;
	return 0;
}

static void memory_close(void *state)
{
	struct memory *m = state;

	entries_fini(&m->entries);
	entries_fini(&m->markers);
	lock_fini(&m->lock);
	free(m);
}

/* --- one key ---------------------------------------------------------------------------------- */

static int memory_stat(void *state, struct key key, struct meta *meta)
{
	struct pass p;

	pass_begin(&p, state);
	struct entry *e = live(&p, key);
	if (e)
		meta_copy(meta, &e->meta);
	pass_end(&p);
	return e ? 0 : -ENOENT;
}

static void hit(struct pass *p, struct entry *e)
{
	e->meta.hits++;
	entries_hit(&p->m->entries, e);
}

static int load(struct memory *m, struct key key, bool is_hit, struct value **value,
		struct meta *meta)
{
	struct pass p;

	pass_begin(&p, m);
	struct entry *e = live(&p, key);
	if (e) {
		if (is_hit)
			hit(&p, e);
		*value = value_ref(e->value);
		meta_copy(meta, &e->meta);
	}
	pass_end(&p);
	return e ? 0 : -ENOENT;
}

static int memory_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	return load(state, key, true, value, meta);
}

static int memory_peek(void *state, struct key key, struct value **value, struct meta *meta)
{
	return load(state, key, false, value, meta);
}

static int set_locked(struct pass *p, struct entry *e, uint64_t charge)
{
	struct entries *s = &p->m->entries;
	struct entry *old = entries_find(s, e->key);

	if (!make_room(p, old, charge, PASS_STEPS))
		return -EAGAIN;
	if (!entries_reserve(s))
		return -ENOMEM;
	if (old) {
		entries_take(s, old);
		bury(p, old);
	}
	entries_put(s, e);
	return 0;
}

static int memory_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	struct memory *m = state;
	struct entry *e = entry_new(key, value, meta);
	struct pass p;
	int rc;

	if (!e)
		return -ENOMEM;
	uint64_t charge = entry_charge(e);
	if (!fits_alone(m, charge)) {
		entry_free(e);
		return -EFBIG;
	}
	do {
		pass_begin(&p, m);
		rc = set_locked(&p, e, charge);
		pass_end(&p);
	} while (rc == -EAGAIN);
	if (rc < 0)
		entry_free(e);
	return rc;
}

static int touch_locked(struct pass *p, struct key key, const struct meta *meta, unsigned fields,
			struct xattrs **old)
{
	struct entry *e = live(p, key);
	size_t before, after;

	if (!e)
		return -ENOENT;
	if (fields & META_XATTRS) {
		xattrs_packed(e->meta.xattrs, &before);
		xattrs_packed(meta->xattrs, &after);
		uint64_t charge = e->charge - before + after;
		if (!fits_alone(p->m, charge))
			return -ENOSPC;
		if (after > before)
			make_room(p, e, charge, XATTRS_MAX_BYTES);
	}
	entries_update(&p->m->entries, e, meta, fields, old);
	return 0;
}

static int memory_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	struct xattrs *old = NULL;
	struct pass p;

	pass_begin(&p, state);
	int rc = touch_locked(&p, key, meta, fields, &old);
	pass_end(&p);
	xattrs_unref(old);
	return rc;
}

static int memory_remove(void *state, struct key key)
{
	struct pass p;

	pass_begin(&p, state);
	struct entry *e = live(&p, key);
	if (e) {
		entries_take(&p.m->entries, e);
		bury(&p, e);
	}
	pass_end(&p);
	return e ? 0 : -ENOENT;
}

/* Moves the entry at `from` into `to`, which has its key already. */
static int move_locked(struct pass *p, struct key from, struct entry *to)
{
	struct entries *s = &p->m->entries;
	struct entry *old = live(p, from);

	if (!old)
		return -ENOENT;
	uint64_t charge = entry_charge_as(old, to);
	if (!fits_alone(p->m, charge))
		return -EFBIG;
	struct entry *replaced = entries_find(s, to->key);
	if (replaced) {
		entries_take(s, replaced);
		bury(p, replaced);
	}
	make_room(p, old, charge, KEY_MAX); /* for some bytes of key: a few entries at most */
	entries_move(s, old, to);
	bury(p, old);
	return 0;
}

static int memory_rename(void *state, struct key from, struct key to)
{
	struct meta meta = { 0 };
	struct pass p;

	if (key_equal(from, to)) {
		int rc = memory_stat(state, from, &meta);
		meta_fini(&meta);
		return rc;
	}
	struct entry *e = entry_new(to, NULL, NULL);
	if (!e)
		return -ENOMEM;
	pass_begin(&p, state);
	int rc = move_locked(&p, from, e);
	pass_end(&p);
	if (rc < 0)
		entry_free(e);
	return rc;
}

/* --- directories ------------------------------------------------------------------------------ */

/* A marker's key; and what sorts before all keys and markers below dir. */
static struct key marker_key(struct key_buffer *buffer, struct key dir)
{
	struct key_buffer end;

	buffer->size = 0;
	if (dir.size > 0)
		key_range(dir, buffer, &end);
	return key_make(buffer->bytes, buffer->size);
}

static int memory_dir_set(void *state, struct key dir, const struct meta *meta)
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
			bury(&p, old);
		}
		entries_put(&m->markers, e);
	}
	pass_end(&p);
	if (!room)
		entry_free(e);
	return room ? 0 : -ENOMEM;
}

static int memory_dir_remove(void *state, struct key dir)
{
	struct memory *m = state;
	struct key_buffer buffer;
	struct pass p;

	pass_begin(&p, m);
	struct entry *e = entries_find(&m->markers, marker_key(&buffer, dir));
	if (e) {
		entries_take(&m->markers, e);
		bury(&p, e);
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
		lose(p, e);
	}
	return -EAGAIN;
}

static int memory_dir_stat(void *state, struct key dir, struct meta *meta)
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
	struct key dir;
	struct children *batch;
	struct key_buffer at; /* the next child is at or after this key */
};

/* A directory's own marker sorts where its child with the empty name does, and is no child. */
static bool is_own_marker(const struct listing *l, const struct entry *marker)
{
	return marker->key.size == (l->dir.size > 0 ? l->dir.size + 1 : 0);
}

/* Puts the listing behind what begins with key: its first `size` bytes and then `next`. */
static void listing_move(struct listing *l, struct key key, size_t size, char next)
{
	assert(size < sizeof(l->at.bytes));
	memmove(l->at.bytes, key.bytes, size);
	l->at.bytes[size] = next;
	l->at.size = size + 1;
}

static int listing_start(struct listing *l, struct key after, bool after_is_dir)
{
	struct key_buffer end;

	if (after.size > 0 || after_is_dir) {
		int rc = key_join(&l->at, l->dir, after);
		if (rc == 0)
			listing_move(l, key_make(l->at.bytes, l->at.size), l->at.size,
				     after_is_dir ? '0' : '\0');
		return rc;
	}
	if (l->dir.size > 0)
		key_range(l->dir, &l->at, &end);
	else
		l->at.size = 0;
	return 0;
}

/* Adds the child that key, in or below dir, is or lies in, and moves behind it. */
static int listing_add(struct listing *l, const struct memory *m, const struct entry *first)
{
	bool is_dir;
	struct key name = key_child(first->key, l->dir, &is_dir);

	if (!is_dir) {
		listing_move(l, first->key, first->key.size, '\0');
		return children_add(l->batch, name, false, &first->meta);
	}
	size_t dir_size = (size_t)(name.bytes + name.size - first->key.bytes);
	struct key dir = key_make(first->key.bytes, dir_size + 1); /* with the slash: a marker's */
	const struct entry *marker = entries_find(&m->markers, dir);
	listing_move(l, first->key, dir_size, '0');
	return children_add(l->batch, name, true, marker ? &marker->meta : NULL);
}

/* The first at or after the listing's place that is below its directory, or NULL. */
static struct entry *listing_seek(const struct listing *l, const struct memory *m,
				  const struct entries *s)
{
	struct entry *e = entries_seek(s, key_make(l->at.bytes, l->at.size));

	if (e && s == &m->markers && is_own_marker(l, e))
		e = entries_next(e);
	return e && key_is_below(e->key, l->dir) ? e : NULL;
}

/* 0: the batch is full or at the end; -EAGAIN: go on with another pass. */
static int list_locked(struct pass *p, struct listing *l)
{
	struct memory *m = p->m;

	for (int i = 0; i < PASS_STEPS; i++) {
		struct entry *first = listing_seek(l, m, &m->entries);
		struct entry *marker = listing_seek(l, m, &m->markers);
		if (first && meta_is_expired(&first->meta, p->now_ms)) {
			lose(p, first);
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

static int memory_list(void *state, struct key dir, struct key after, bool after_is_dir,
		       struct children *batch)
{
	struct listing l = { .dir = dir, .batch = batch };
	struct pass p;
	int rc = listing_start(&l, after, after_is_dir);

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
		bury(p, e);
	}
	return true;
}

static int memory_remove_prefix(void *state, struct key dir)
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
	struct entry *e = live(&p, from);
	if (e)
		lose(&p, e);
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
		bury(&p, replaced);
	}
	entries_move(&m->markers, old, e);
	bury(&p, old);
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

static int memory_rename_prefix(void *state, struct key from, struct key to)
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

/* --- the rest --------------------------------------------------------------------------------- */

static int memory_sync(void *state)
{
	(void)state;
	return 0;
}

static void memory_usage(void *state, struct layer_usage *usage)
{
	struct memory *m = state;
	struct pass p;

	pass_begin(&p, m);
	*usage = (struct layer_usage){
		.entries = m->entries.count,
		.bytes = m->entries.bytes,
		.max_entries = m->conf->max_entries,
		.max_bytes = m->conf->max_bytes,
		.evictions = m->evictions,
		.expiries = m->expiries,
	};
	pass_end(&p);
}

const struct backend backend_memory = {
	.type = "memory",
	.options = memory_options,
	.conf_size = sizeof(struct memory_conf),
	.durable = false,
	.open = memory_open,
	.close = memory_close,
	.stat = memory_stat,
	.get = memory_get,
	.peek = memory_peek,
	.set = memory_set,
	.touch = memory_touch,
	.remove = memory_remove,
	.remove_prefix = memory_remove_prefix,
	.rename = memory_rename,
	.rename_prefix = memory_rename_prefix,
	.list = memory_list,
	.dir_stat = memory_dir_stat,
	.dir_set = memory_dir_set,
	.dir_remove = memory_dir_remove,
	.sync = memory_sync,
	.usage = memory_usage,
};
