/*
 * The smallest backend. Memory holds all entries and markers; each change is appended to a file,
 * from which open() makes them again. The file never gets shorter. Written from the headers alone
 * (cache.h, base/, kit/): what they leave open is answered there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/parents.h"
#include "base/waiting.h"
#include "base/whole.h"
#include "kit/entries_dirs.h"

enum kind { ENTRY, MARKER };

/* A change: the old key goes, the new one comes. The two, the xattrs and the value follow it. */
struct record {
	uint64_t hash;           /* of all bytes behind it */
	size_t size;             /* of all bytes */
	size_t new, old, xattrs; /* sizes of these parts */
	bool has_new, has_old;   /* with an old key: the value is the one that it had */
	enum kind kind;
	struct end_record ends;
	struct meta meta; /* but for its ends and xattrs */
};

struct dir {
	const struct backend_env *env;
	int log;
	struct lock lock;       /* RANK_LAYER, held by each operation; guards: */
	struct entries kept[2]; /* by kind */
	uint64_t end;           /* of the log */
	struct instant now;     /* when the lock was taken */
};

/* Takes the lock; what has expired is gone then. */
static struct dir *enter(void *state)
{
	struct dir *d = state;

	waiting_begin();
	for (;;) {
		lock_take(&d->lock);
		d->now = time_instant(d->env->time);
		struct entry *due = entries_due(&d->kept[ENTRY], d->now);
		if (!due)
			return d;
		entries_take(&d->kept[ENTRY], due);
		lock_release(&d->lock);
		d->env->gone(d->env->self, due->key);
		entry_free(due);
	}
}

static int leave(struct dir *d, int rc)
{
	lock_release(&d->lock);
	return rc;
}

/* The hash that belongs into the record. */
static uint64_t hash_of(const char *bytes, size_t size)
{
	return key_hash(key_make(bytes + sizeof(uint64_t), size - sizeof(uint64_t)));
}

static int append(struct dir *d, struct record r, struct key new, struct key old,
		  const struct value *value)
{
	const void *xattrs = xattrs_packed(r.meta.xattrs, &r.xattrs);

	r.new = new.size;
	r.old = old.size;
	r.size = sizeof(r) + r.new + r.old + r.xattrs + (value ? value_size(value) : 0);
	r.ends = end_record_of(r.meta.copy, r.meta.own, time_skew_ms());
	char *bytes = malloc(r.size), *to = bytes;
	if (!bytes)
		return -ENOMEM;
	to = mempcpy(mempcpy(mempcpy(to, &r, sizeof(r)), new.bytes, r.new), old.bytes, r.old);
	to = mempcpy(to, xattrs ? xattrs : "", r.xattrs);
	if (value)
		memcpy(to, value_bytes(value), value_size(value));
	r.hash = hash_of(bytes, r.size);
	memcpy(bytes, &r.hash, sizeof(r.hash));
	int rc = whole_write(d->log, bytes, r.size, d->end);
	if (rc == 0)
		d->end += r.size;
	free(bytes);
	return rc;
}

static void take(struct entries *s, struct entry *e)
{
	if (e)
		entries_take(s, e);
	entry_free(e);
}

/* Does a change that was read from the log, or one that it adds to the log; all or nothing. The
 * value has no file. */
static int change(struct dir *d, const struct record *r, struct key new, struct key old,
		  struct value *value, bool is_logged)
{
	struct entries *s = &d->kept[r->kind];
	struct entry *from = r->has_old ? entries_find(s, old) : NULL;
	struct entry *e = entries_reserve(s) ? entry_new(new, from ? from->value : value, &r->meta)
					     : NULL;
	int rc = !e ? -ENOMEM : is_logged ? 0 : append(d, *r, new, old, value);

	if (rc == 0) {
		take(s, from);
		take(s, r->has_new ? entries_find(s, new) : NULL);
	}
	if (rc == 0 && r->has_new)
		entries_put(s, e);
	else
		entry_free(e);
	return rc;
}

/* What `from` has gets the key `to` (NULL: it goes), and other metadata if there are fields. */
static int move(struct dir *d, enum kind kind, struct key from, const struct key *to,
		const struct meta *meta, unsigned fields)
{
	struct entry *e = entries_find(&d->kept[kind], from);
	struct record r = { .has_new = to, .has_old = true, .kind = kind };

	if (!e)
		return -ENOENT;
	meta_copy(&r.meta, &e->meta);
	meta_update(&r.meta, meta, fields);
	int rc = change(d, &r, to ? *to : KEY_ROOT, from, NULL, false);
	meta_fini(&r.meta);
	return rc;
}

/* Does what the log says, up to a record that is not whole; what follows is cut off. */
static int load(struct dir *d)
{
	size_t size = (size_t)lseek(d->log, 0, SEEK_END);
	char *bytes = malloc(size + 1);
	int rc = bytes ? whole_read(d->log, bytes, size, 0) : -ENOMEM;

	for (struct record r; rc == 0 && size - d->end >= sizeof(r); d->end += r.size) {
		const char *at = bytes + d->end;
		memcpy(&r, at, sizeof(r));
		if (r.size < sizeof(r) || r.size > size - d->end || hash_of(at, r.size) != r.hash)
			break;
		struct key new = key_make(at + sizeof(r), r.new);
		struct key old = key_make(new.bytes + r.new, r.old);
		const char *xattrs = old.bytes + r.old, *last = xattrs + r.xattrs;
		struct value *value = value_copy(last, (size_t)(at + r.size - last));
		end_record_read(&r.ends, &r.meta.copy, &r.meta.own);
		rc = value ? xattrs_unpack(xattrs, r.xattrs, &r.meta.xattrs) : -ENOMEM;
		if (rc == 0)
			rc = change(d, &r, new, old, value, true);
		value_unref(value);
		meta_fini(&r.meta);
	}
	free(bytes);
	if (rc == 0 && d->end < size)
		log_error("dir: the log is damaged: %zu bytes are dropped", size - (size_t)d->end);
	return rc == 0 && ftruncate(d->log, (off_t)d->end) < 0 ? -errno : rc;
}

static int dir_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	struct dir *d = enter(state);
	struct entry *e = entries_find(&d->kept[ENTRY], key);

	if (e)
		meta_copy(meta, &e->meta);
	if (e && value)
		*value = value_ref(e->value);
	return leave(d, e ? 0 : -ENOENT);
}

static int dir_stat(void *state, struct key key, struct meta *meta)
{
	return dir_get(state, key, NULL, meta);
}

static int dir_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	struct record r = { .kind = ENTRY, .has_new = true, .meta = *meta };
	struct value *loaded = value_load(value);
	struct dir *d = enter(state);
	int rc = leave(d, loaded ? change(d, &r, key, KEY_ROOT, loaded, false) : -ENOMEM);

	value_unref(loaded);
	return rc;
}

static int dir_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	struct dir *d = enter(state);

	return leave(d, move(d, ENTRY, key, &key, meta, fields));
}

static int dir_remove(void *state, struct key key)
{
	struct dir *d = enter(state);

	return leave(d, move(d, ENTRY, key, NULL, NULL, 0));
}

static int dir_rename(void *state, struct key from, struct key to)
{
	struct dir *d = enter(state);

	return leave(d, move(d, ENTRY, from, &to, NULL, 0));
}

static int dir_remove_prefix(void *state, struct key prefix)
{
	struct dir *d = enter(state);
	int rc = -ENOENT;

	for (int kind = ENTRY; kind <= MARKER; kind++)
		for (struct entry *e; (e = entries_first_with(&d->kept[kind], prefix));)
			if ((rc = move(d, kind, e->key, NULL, NULL, 0)) < 0)
				return leave(d, rc);
	return leave(d, rc);
}

static int dir_check_rename_prefix(void *state, struct key from, struct key to)
{
	struct entries_walk w = { .from = from, .to = to };
	struct dir *d = enter(state);
	int rc;

	do
		rc = entries_check_move(&w, &d->kept[ENTRY], &d->kept[MARKER]);
	while (rc == -EAGAIN);
	return leave(d, rc);
}

/* Nobody else changes these keys between the check and the moves. */
static int dir_rename_prefix(void *state, struct key from, struct key to)
{
	int rc = dir_check_rename_prefix(state, from, to);
	struct dir *d = enter(state);

	for (int kind = ENTRY; rc == 0 && kind <= MARKER; kind++) {
		struct entries_walk w = { .from = from, .to = to };
		marker_key(&w.key, from);
		while (rc == 0 && entries_move_next(&d->kept[kind], &w, KEY_MAX + 1) == 0) {
			struct key moved = key_kept(&w.moved);
			rc = move(d, kind, key_kept(&w.key), &moved, NULL, 0);
		}
	}
	return leave(d, rc);
}

static int dir_list(void *state, struct key dir, struct key after, bool after_is_dir,
		    struct children *batch)
{
	struct entries_listing l;
	struct dir *d = enter(state);
	int rc = entries_list_start(&l, &d->kept[ENTRY], &d->kept[MARKER], dir, after,
				    after_is_dir);

	if (rc == 0)
		rc = entries_list(&l, d->now, batch);
	if (rc < 0)
		children_clear(batch);
	return leave(d, rc);
}

static int dir_marker_stat(void *state, struct key dir, struct meta *meta)
{
	struct key_buffer buffer;
	struct dir *d = enter(state);
	struct entry *e = entries_find(&d->kept[MARKER], marker_key(&buffer, dir));
	bool is_there = entries_first_below(&d->kept[ENTRY], dir) ||
			entries_first_below(&d->kept[MARKER], dir);

	if (is_there)
		meta_copy(meta, e ? &e->meta : &(struct meta){ 0 });
	return leave(d, is_there ? 0 : -ENOENT);
}

static int dir_marker_set(void *state, struct key dir, const struct meta *meta)
{
	struct record r = { .kind = MARKER, .has_new = true, .meta = *meta };
	struct key_buffer buffer;
	struct dir *d = enter(state);

	return leave(d, change(d, &r, marker_key(&buffer, dir), KEY_ROOT, NULL, false));
}

static int dir_marker_remove(void *state, struct key dir)
{
	struct key_buffer buffer;
	struct dir *d = enter(state);

	return leave(d, move(d, MARKER, marker_key(&buffer, dir), NULL, NULL, 0));
}

static int dir_sync(void *state)
{
	waiting_begin();
	return fdatasync(((struct dir *)state)->log) < 0 ? -errno : 0;
}

static void dir_usage(void *state, struct layer_usage *usage)
{
	struct dir *d = enter(state);

	*usage = (struct layer_usage){ .entries = d->kept[ENTRY].count };
	leave(d, 0);
}

static void dir_close(void *state)
{
	struct dir *d = state;

	close(d->log);
	entries_fini(&d->kept[ENTRY]);
	entries_fini(&d->kept[MARKER]);
	lock_fini(&d->lock);
	free(d);
}

static int dir_open(const void *conf, const struct backend_env *env, void **state,
		    struct problem *problem)
{
	struct dir *d = calloc(1, sizeof(*d));
	char path[PATH_MAX];

	if (!d)
		return problem_set(problem, NULL, NULL, "out of memory");
	d->env = env;
	lock_init(&d->lock, RANK_LAYER);
	snprintf(path, sizeof(path), "%s/log", *(char *const *)conf);
	parents_make(path, 0700);
	d->log = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = d->log < 0 ? -errno : 0;
	for (int kind = ENTRY; rc == 0 && kind <= MARKER; kind++)
		rc = entries_init(&d->kept[kind], &entries_keep);
	if (rc == 0)
		rc = load(d);
	if (rc < 0) {
		dir_close(d);
		return problem_set(problem, path, NULL, "cannot be used: %s", strerror(-rc));
	}
	*state = d;
	return 0;
}

static const struct option_spec options[] = {
	{ "directory", OPT_PATH, 0, .def = "\"dir\"", .doc = "where the log is" },
	{ 0 },
};

/* clang-format off */
const struct backend backend_dir = {
	.type = "dir", .options = options, .conf_size = sizeof(char *), .durable = true,
	.open = dir_open, .close = dir_close, .sync = dir_sync, .usage = dir_usage,
	.stat = dir_stat, .get = dir_get, .set = dir_set, .touch = dir_touch,
	.remove = dir_remove, .rename = dir_rename, .remove_prefix = dir_remove_prefix,
	.rename_prefix = dir_rename_prefix, .check_rename_prefix = dir_check_rename_prefix,
	.list = dir_list, .dir_stat = dir_marker_stat, .dir_set = dir_marker_set,
	.dir_remove = dir_marker_remove,
};
