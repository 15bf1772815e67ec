/* Operations on one key of a layer on the heap. See memory/keys.h. */
#include "memory/keys.h"

#include <assert.h>
#include <errno.h>

#include "memory/store.h"

int memory_stat(void *state, struct key key, struct meta *meta)
{
	struct pass p;

	pass_begin(&p, state);
	struct entry *e = pass_live(&p, key);
	if (e)
		meta_copy(meta, &e->meta);
	pass_end(&p);
	return e ? 0 : -ENOENT;
}

static void hit_locked(struct pass *p, struct entry *e)
{
	assert(lock_is_held(&p->m->lock));
	e->meta.hits++;
	e->meta.hit_ms = p->now.wall_ms;
	entries_hit(&p->m->entries, e);
}

static int load(struct memory *m, struct key key, bool is_hit, struct value **value,
		struct meta *meta)
{
	struct pass p;

	pass_begin(&p, m);
	struct entry *e = pass_live(&p, key);
	if (e) {
		if (is_hit)
			hit_locked(&p, e);
		*value = value_ref(e->value);
		meta_copy(meta, &e->meta);
	}
	pass_end(&p);
	return e ? 0 : -ENOENT;
}

int memory_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	return load(state, key, true, value, meta);
}

int memory_peek(void *state, struct key key, struct value **value, struct meta *meta)
{
	return load(state, key, false, value, meta);
}

void memory_note_hit(void *state, struct key key)
{
	struct pass p;

	pass_begin(&p, state);
	struct entry *e = pass_live(&p, key);
	if (e)
		hit_locked(&p, e);
	pass_end(&p);
}

static int set_locked(struct pass *p, struct entry *e, uint64_t charge)
{
	struct entries *s = &p->m->entries;
	struct entry *old = entries_find(s, e->key);

	assert(lock_is_held(&p->m->lock));
	int rc = pass_make_room(p, old, charge, PASS_STEPS);
	if (rc < 0)
		return rc;
	if (!entries_reserve(s))
		return -ENOMEM;
	if (old) {
		entries_take(s, old);
		pass_bury(p, old);
	}
	entries_put(s, e);
	return 0;
}

int memory_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	struct memory *m = state;
	struct entry *e = entry_new(key, value, meta);
	struct pass p;
	int rc;

	if (!e)
		return -ENOMEM;
	uint64_t charge = entry_charge(e);
	if (!memory_fits_alone(m, charge)) {
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

int memory_foresee(void *state, struct key key, uint64_t size)
{
	(void)key;
	return memory_fits_alone(state, size) ? 0 : -EFBIG;
}

static int touch_locked(struct pass *p, struct key key, const struct meta *meta, unsigned fields,
			struct xattrs **old)
{
	struct entry *e = pass_live(p, key);
	size_t before, after;

	assert(lock_is_held(&p->m->lock));
	if (!e)
		return -ENOENT;
	if (fields & META_XATTRS) {
		xattrs_packed(e->meta.xattrs, &before);
		xattrs_packed(meta->xattrs, &after);
		uint64_t charge = e->charge - before + after;
		if (!memory_fits_alone(p->m, charge))
			return -ENOSPC;
		if (after > before)
			pass_make_room(p, e, charge, XATTRS_MAX_BYTES);
	}
	entries_update(&p->m->entries, e, meta, fields, old);
	if (fields & META_USED)
		entries_refresh(&p->m->entries, e);
	return 0;
}

int memory_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	struct xattrs *old = NULL;
	struct pass p;

	pass_begin(&p, state);
	int rc = touch_locked(&p, key, meta, fields, &old);
	pass_end(&p);
	xattrs_unref(old);
	return rc;
}

int memory_remove(void *state, struct key key)
{
	struct pass p;

	pass_begin(&p, state);
	struct entry *e = pass_live(&p, key);
	if (e) {
		entries_take(&p.m->entries, e);
		pass_bury(&p, e);
	}
	pass_end(&p);
	return e ? 0 : -ENOENT;
}

/* Moves the entry at `from` into `to`, which has its key already. */
static int move_locked(struct pass *p, struct key from, struct entry *to)
{
	struct entries *s = &p->m->entries;
	struct entry *old = pass_live(p, from);

	assert(lock_is_held(&p->m->lock));
	if (!old)
		return -ENOENT;
	uint64_t charge = entry_charge_as(old, to);
	if (!memory_fits_alone(p->m, charge))
		return -EFBIG;
	struct entry *replaced = entries_find(s, to->key);
	if (replaced) {
		entries_take(s, replaced);
		pass_bury(p, replaced);
	}
	pass_make_room(p, old, charge, KEY_MAX); /* for some bytes of key: a few entries at most */
	entries_move(s, old, to);
	pass_bury(p, old);
	return 0;
}

int memory_rename(void *state, struct key from, struct key to)
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
