/*
 * A backend of one plain file, written from the headers alone (cache.h, base/, kit/): what they
 * leave open is to be answered there. Each change is added to DIR/log, which is read again at the
 * start.
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

/* One change: a key comes, another one goes, or both. Then: both keys, the xattrs, the value. */
struct record {
	size_t size, comes, goes, xattrs; /* bytes of the whole and of its parts */
	bool is_marker, has_new, has_old;
	uint64_t place; /* of the value in the log */
	struct end_record end;
	struct meta meta; /* but for its ends and xattrs */
};

struct dir {
	const struct backend_env *env;
	int log;
	struct lock lock;         /* RANK_LAYER; guards: */
	struct entries stores[2]; /* entries, markers; a value is its place in the log */
	uint64_t end;
	struct instant now;
	struct entry *out; /* of the stores, for leave() */
};

static void take(struct dir *d, struct entries *s, struct entry *e, bool lost)
{
	if (!e)
		return;
	entries_take(s, e);
	e->lost = lost;
	e->link = d->out;
	d->out = e;
}

/* Takes the lock, which is held while others write; nothing in the stores has expired then. */
static struct dir *enter(void *state)
{
	struct dir *d = state;

	waiting_begin();
	lock_take(&d->lock);
	d->now = time_instant(d->env->time);
	for (struct entry *due; (due = entries_due(&d->stores[0], d->now));)
		take(d, &d->stores[0], due, true);
	return d;
}

static int leave(struct dir *d, int rc)
{
	struct entry *out = d->out;

	d->out = NULL;
	lock_release(&d->lock);
	for (struct entry *next; out; out = next) {
		next = out->link;
		if (out->lost)
			d->env->gone(d->env->self, out->key);
		entry_free(out);
	}
	return rc;
}

static int append(struct dir *d, struct record *r, struct key new, struct key old,
		  const struct value *value)
{
	const void *xattrs = xattrs_packed(r->meta.xattrs, &r->xattrs);
	size_t head = sizeof(*r) + new.size + old.size + r->xattrs;
	size_t size = value ? r->meta.size : 0;
	char *bytes = malloc(head + size), *to = bytes;

	if (!bytes)
		return -ENOMEM;
	r->size = head + size;
	r->comes = new.size;
	r->goes = old.size;
	r->place = value ? d->end + head : r->place;
	r->end = end_record_of(r->meta.copy, r->meta.own, time_skew_ms());
	to = mempcpy(mempcpy(mempcpy(to, r, sizeof(*r)), new.bytes, new.size), old.bytes, old.size);
	to = mempcpy(to, xattrs ? xattrs : "", r->xattrs);
	ssize_t n = value ? value_read(value, to, size, 0) : 0;
	int rc = n < 0 ? (int)n : whole_write(d->log, bytes, r->size, d->end);
	d->end += rc < 0 ? 0 : r->size;
	free(bytes);
	return rc;
}

/* Logged before it is done; a record that has a size was read from the log. */
static int change(struct dir *d, struct record *r, struct key new, struct key old,
		  const struct value *value)
{
	struct entries *s = &d->stores[r->is_marker];
	uint64_t *place = malloc(sizeof(*place));
	struct value *at = place ? value_adopt(place, sizeof(*place)) : NULL;
	struct entry *e = at && entries_reserve(s) ? entry_new(new, at, &r->meta) : NULL;
	int rc = !e ? -ENOMEM : r->size > 0 ? 0 : append(d, r, new, old, value);

	if (rc == 0) {
		*place = r->place; /* before anybody has the value */
		take(d, s, r->has_old ? entries_find(s, old) : NULL, false);
		take(d, s, r->has_new ? entries_find(s, new) : NULL, false);
	}
	if (rc == 0 && r->has_new)
		entries_put(s, e);
	else if (e)
		entry_free(e);
	value_unref(at);
	return rc;
}

/* Read again: a record that is not whole is the last. */
static int load(struct dir *d)
{
	char *rest = malloc(2 * KEY_MAX + 2 + XATTRS_MAX_BYTES);
	off_t size = lseek(d->log, 0, SEEK_END);
	struct record r;
	int rc = rest ? 0 : -ENOMEM;

	while (rc == 0 && whole_read(d->log, &r, sizeof(r), d->end) == 0 &&
	       r.size <= (uint64_t)size - d->end) {
		r.meta.xattrs = NULL;
		if (r.size < sizeof(r) || r.comes > KEY_MAX + 1 || r.goes > KEY_MAX + 1 ||
		    r.xattrs > XATTRS_MAX_BYTES)
			break; /* damaged */
		rc = whole_read(d->log, rest, r.comes + r.goes + r.xattrs, d->end + sizeof(r));
		if (rc == 0)
			rc = xattrs_unpack(rest + r.comes + r.goes, r.xattrs, &r.meta.xattrs);
		end_record_read(&r.end, &r.meta.copy, &r.meta.own);
		if (rc == 0)
			rc = change(d, &r, key_make(rest, r.comes),
				    key_make(rest + r.comes, r.goes), NULL);
		meta_fini(&r.meta);
		d->end += r.size;
	}
	free(rest);
	return rc;
}

static uint64_t place_of(const struct entry *e)
{
	return *(const uint64_t *)value_bytes(e->value);
}

/* What `from` has becomes that of `to` (NULL: nobody), with other metadata if there are fields. */
static int move(struct dir *d, bool is_marker, struct key from, const struct key *to,
		const struct meta *meta, unsigned fields)
{
	struct entry *e = entries_find(&d->stores[is_marker], from);
	struct record r = { .has_new = to, .has_old = true, .is_marker = is_marker };

	if (!e)
		return -ENOENT;
	meta_copy(&r.meta, &e->meta);
	if (fields)
		meta_update(&r.meta, meta, fields);
	r.place = is_marker ? 0 : place_of(e);
	int rc = change(d, &r, to ? *to : KEY_ROOT, from, NULL);
	meta_fini(&r.meta);
	return rc;
}

static int dir_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	struct dir *d = enter(state);
	struct entry *e = entries_find(&d->stores[0], key);
	uint64_t checksum, place = e ? place_of(e) : 0;
	int fd = e && value ? fcntl(d->log, F_DUPFD_CLOEXEC, 0) : -1;
	int rc = !e ? -ENOENT : value && fd < 0 ? -errno : 0;

	if (rc == 0)
		meta_copy(meta, &e->meta);
	if (leave(d, rc) < 0 || !value)
		return rc;
	struct value *found = value_from_file(fd, place, meta->size);
	rc = found ? value_checksum(found, &checksum) : -ENOMEM;
	if (rc == 0 && checksum == meta->checksum) {
		*value = found;
		return 0;
	}
	log_error("dir: the value of \"%.*s\" is damaged", (int)key.size, key.bytes);
	value_unref(found);
	meta_fini(meta);
	return rc < 0 ? rc : -EIO;
}

static int dir_stat_key(void *state, struct key key, struct meta *meta)
{
	return dir_get(state, key, NULL, meta);
}

static int dir_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	struct record r = { .has_new = true, .meta = *meta };
	struct dir *d = enter(state);

	return leave(d, change(d, &r, key, KEY_ROOT, value));
}

static int dir_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	struct dir *d = enter(state);

	return leave(d, move(d, false, key, &key, meta, fields));
}

static int dir_remove_key(void *state, struct key key)
{
	struct dir *d = enter(state);

	return leave(d, move(d, false, key, NULL, NULL, 0));
}

static int dir_rename(void *state, struct key from, struct key to)
{
	struct dir *d = enter(state);

	return leave(d, move(d, false, from, &to, NULL, 0));
}

static int dir_remove_prefix(void *state, struct key prefix)
{
	struct dir *d = enter(state);
	int rc = -ENOENT;

	for (int i = 0; i < 2; i++)
		for (struct entry *e; (e = entries_first_with(&d->stores[i], prefix));)
			if ((rc = move(d, i, e->key, NULL, NULL, 0)) < 0)
				return leave(d, rc);
	return leave(d, rc);
}

static int move_below(struct dir *d, struct key from, struct key to, bool check)
{
	int rc = -ENOENT;

	for (int i = 0; i < 2 && rc == -ENOENT; i++) {
		struct entries_walk w = { .from = from, .to = to };
		marker_key(&w.key, from);
		while ((rc = entries_move_next(&d->stores[i], &w, (size_t)(KEY_MAX + i))) == 0) {
			struct key moved = key_make(w.moved.bytes, w.moved.size);
			if (!check)
				rc = move(d, i, key_make(w.key.bytes, w.key.size), &moved, NULL, 0);
			if (rc < 0)
				return rc;
			w.key.bytes[w.key.size++] = '\0'; /* behind it */
		}
	}
	return rc == -ENOENT ? 0 : rc;
}

static int dir_check_rename_prefix(void *state, struct key from, struct key to)
{
	struct dir *d = enter(state);

	return leave(d, move_below(d, from, to, true));
}

static int dir_rename_prefix(void *state, struct key from, struct key to)
{
	struct dir *d = enter(state);
	int rc = move_below(d, from, to, true);

	return leave(d, rc < 0 ? rc : move_below(d, from, to, false));
}

static int dir_list(void *state, struct key dir, struct key after, bool after_is_dir,
		    struct children *batch)
{
	struct entries_listing l;
	struct dir *d = enter(state);
	int rc = entries_list_start(&l, &d->stores[0], &d->stores[1], dir, after, after_is_dir);

	return leave(d, rc < 0 ? rc : entries_list(&l, d->now, batch));
}

static int dir_dir_stat(void *state, struct key dir, struct meta *meta)
{
	struct key_buffer buffer;
	struct dir *d = enter(state);
	struct entry *e = entries_find(&d->stores[1], marker_key(&buffer, dir));
	bool is_there = e || entries_first_below(&d->stores[0], dir) ||
			entries_first_below(&d->stores[1], dir);

	if (is_there)
		meta_copy(meta, e ? &e->meta : &(struct meta){ 0 });
	return leave(d, is_there ? 0 : -ENOENT);
}

static int dir_dir_set(void *state, struct key dir, const struct meta *meta)
{
	struct record r = { .has_new = true, .is_marker = true, .meta = *meta };
	struct key_buffer buffer;
	struct dir *d = enter(state);

	return leave(d, change(d, &r, marker_key(&buffer, dir), KEY_ROOT, NULL));
}

static int dir_dir_remove(void *state, struct key dir)
{
	struct key_buffer buffer;
	struct dir *d = enter(state);

	return leave(d, move(d, true, marker_key(&buffer, dir), NULL, NULL, 0));
}

static int dir_sync(void *state)
{
	waiting_begin();
	return fdatasync(((struct dir *)state)->log) < 0 ? -errno : 0;
}

static void dir_usage(void *state, struct layer_usage *usage)
{
	struct dir *d = enter(state);

	*usage = (struct layer_usage){ .entries = d->stores[0].count, .bytes = d->stores[0].bytes };
	leave(d, 0);
}

static void dir_close(void *state)
{
	struct dir *d = enter(state);

	leave(d, 0);
	close(d->log);
	entries_fini(&d->stores[0]);
	entries_fini(&d->stores[1]);
	lock_fini(&d->lock);
	free(d);
}

static int dir_open(const void *conf, const struct backend_env *env, void **state,
		    struct problem *problem)
{
	const char *directory = *(char *const *)conf;
	struct dir *d = calloc(1, sizeof(*d));
	char path[PATH_MAX];

	if (!d || entries_init(&d->stores[0], &entries_keep) < 0 ||
	    entries_init(&d->stores[1], &entries_keep) < 0)
		return problem_set(problem, NULL, NULL, "out of memory");
	lock_init(&d->lock, RANK_LAYER);
	d->env = env;
	snprintf(path, sizeof(path), "%s/log", directory);
	parents_make(path, 0700);
	d->log = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	int rc = d->log < 0 ? -errno : load(d);
	if (rc < 0) {
		dir_close(d);
		return problem_set(problem, path, NULL, "cannot be used: %s", strerror(-rc));
	}
	*state = d;
	return 0;
}

static const struct option_spec options[] = {
	{ "directory", OPT_PATH, 0, .def = "null", .nullable = true, .doc = "where the log is" },
	{ 0 },
};

const struct backend backend_dir = { .type = "dir",
				     .options = options,
				     .conf_size = sizeof(char *),
				     .durable = true,
				     .open = dir_open,
				     .close = dir_close,
				     .stat = dir_stat_key,
				     .get = dir_get,
				     .set = dir_set,
				     .touch = dir_touch,
				     .remove = dir_remove_key,
				     .remove_prefix = dir_remove_prefix,
				     .rename = dir_rename,
				     .rename_prefix = dir_rename_prefix,
				     .check_rename_prefix = dir_check_rename_prefix,
				     .list = dir_list,
				     .dir_stat = dir_dir_stat,
				     .dir_set = dir_dir_set,
				     .dir_remove = dir_dir_remove,
				     .sync = dir_sync,
				     .usage = dir_usage };
