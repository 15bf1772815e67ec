/* Type "file": operations. The directory and its index are file/store.h's. */
#include "cache.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/store.h"
#include "base/waiting.h"

enum {
	READ_TRIES = 64, /* a file may be replaced between its name and its content */
	LARGE = 256 * 1024,
};

/* A value is written and read as a whole, on the heap. */
#define VALUE_MAX ((uint64_t)256 * 1024 * 1024)

static const struct option_spec file_options[] = {
	{ .name = "directory",
	  .type = OPT_PATH,
	  .offset = offsetof(struct file_conf, directory),
	  .def = "\".cache/accuralai-file\"",
	  .doc = "where the files are" },
	{ .name = "max_files",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct file_conf, max_files),
	  .def = "null",
	  .min = 1,
	  .nullable = true,
	  .doc = "the most entries it holds; above it the oldest go" },
	{ .name = "file_extension",
	  .type = OPT_STRING,
	  .offset = offsetof(struct file_conf, file_extension),
	  .def = "\".json\"",
	  .doc = "how the names of entries' files end" },
	{ .name = "ensure_directory",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct file_conf, ensure_directory),
	  .def = "true",
	  .doc = "make the directory if it is missing" },
	{ .name = "mode",
	  .type = OPT_MODE,
	  .offset = offsetof(struct file_conf, mode),
	  .def = "null",
	  .min = 0600,
	  .max = 0666,
	  .nullable = true,
	  .doc = "the mode of the files that are made, for sharing them with other users; null: "
		 "\"0600\"" },
	FREE_SPACE_OPTION(offsetof(struct file_conf, min_free)),
	{ 0 },
};

/* --- opening and closing ---------------------------------------------------------------------- */

static int file_check(const void *conf, struct problem *problem)
{
	const struct file_conf *c = conf;
	struct stat st;

	if (strlen(c->file_extension) > 32 || strchr(c->file_extension, '/'))
		return problem_set(problem, "file_extension", "for example \".json\"",
				   "not an ending for a file's name");
	if (stat(c->directory, &st) == 0 && !S_ISDIR(st.st_mode))
		return problem_set(problem, "directory", "name a directory",
				   "%.300s is not a directory", c->directory);
	if (!c->ensure_directory && stat(c->directory, &st) < 0)
		return problem_set(problem, "directory",
				   "create it, or set \"ensure_directory\": true",
				   "%.300s does not exist", c->directory);
	return 0;
}

static size_t file_places(const void *conf, struct store_place places[STORE_PLACES_MAX])
{
	const struct file_conf *c = conf;

	places[0] = (struct store_place){ .option = "directory", .prefix = "" };
	snprintf(places[0].path, sizeof(places[0].path), "%s", c->directory);
	return 1;
}

static void file_free(struct file_layer *f)
{
	for (size_t i = 0; i < 3; i++) {
		int fd = i == 0 ? f->dir_fd : i == 1 ? f->inotify_fd : f->wake_fd;
		if (fd >= 0)
			close(fd);
	}
	entries_fini(&f->entries);
	entries_fini(&f->files);
	entries_fini(&f->markers);
	unsynced_fini(&f->unsynced);
	pthread_cond_destroy(&f->turned);
	lock_fini(&f->lock);
	free(f);
}

static int file_open(const void *conf, const struct backend_env *env, void **state,
		     struct problem *problem)
{
	const struct file_conf *c = conf;
	int rc = file_check(c, problem);

	if (rc < 0)
		return rc;
	rc = c->ensure_directory ? file_make_directory(c) : 0;
	struct file_layer *f = rc == 0 ? calloc(1, sizeof(*f)) : NULL;
	if (!f)
		return problem_set(problem, "directory", NULL, "cannot make %.300s: %s",
				   c->directory, strerror(rc < 0 ? -rc : ENOMEM));
	f->conf = c;
	f->env = env;
	f->inotify_fd = f->wake_fd = -1;
	free_space_init(&f->space, env, c->directory, c->min_free);
	lock_init(&f->lock, RANK_LAYER);
	condition_init(&f->turned);
	f->dir_fd = open(c->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = f->dir_fd < 0 ? -errno : 0;
	if (unsynced_init(&f->unsynced) < 0 || entries_init(&f->entries, &entries_lru) < 0 ||
	    entries_init(&f->files, &entries_keep) < 0 ||
	    entries_init(&f->markers, &entries_keep) < 0)
		rc = -ENOMEM;
	if (rc == 0)
		rc = file_watch_start(f);
	if (rc < 0) {
		file_free(f);
		return problem_set(problem, "directory", NULL, "cannot open %.300s: %s",
				   c->directory, strerror(-rc));
	}
	*state = f;
	return 0;
}

static void file_close(void *state)
{
	file_watch_stop(state);
	file_hits_store(state);
	file_free(state);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Where a key's entry is: its file, and whether that looks as the index says. */
struct place {
	char name[FILE_NAME_SIZE];
	struct meta meta; /* to be finished, when found */
	struct file_look look;
	bool expired;
};

static bool place_find(struct file_layer *f, struct key key, struct place *place)
{
	struct instant now = time_instant(f->env->time);

	*place = (struct place){ .name = "" };
	lock_take(&f->lock); /* the metadata and the look of one and the same file */
	struct entry *e = entries_find(&f->entries, key);
	if (e) {
		memcpy(place->name, value_bytes(e->value), (size_t)value_size(e->value));
		meta_copy(&place->meta, &e->meta);
		place->expired = meta_is_expired(&e->meta, now);
		file_known_look_locked(f, place->name, &place->look);
	}
	lock_release(&f->lock);
	return e != NULL;
}

/*
 * Opens the file if it looks as the place says. -EAGAIN: it does not, or that proves nothing unless
 * it was read just now (fresh); or -errno.
 */
static int open_known(struct file_layer *f, const struct place *place, bool fresh)
{
	struct file_look look;
	int fd = openat(f->dir_fd, place->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP ? -EAGAIN
		       : errno == EACCES                 ? file_forbidden(f, place->name)
							 : -errno;
	if (file_look_at(fd, &look) < 0 || !file_looks_same(&look, &place->look) ||
	    (place->look.young && !fresh)) {
		close(fd);
		return -EAGAIN;
	}
	return fd;
}

/* The same without opening it, which can fail for want of descriptors. 0 or -EAGAIN. */
static int look_known(struct file_layer *f, const struct place *place, bool fresh)
{
	struct file_look look;
	bool known = file_look_of(f, place->name, &look) == 0 &&
		     file_looks_same(&look, &place->look) && (fresh || !place->look.young);

	return known ? 0 : -EAGAIN;
}

/*
 * The file of the key, other than the one that its entry is in, that the index does not know as it
 * is; NULL: there is none. Another program's set may be in the plain one at any time. One with a
 * hash is made only where another key has the plain one: who has the plain one has no other.
 */
static const char *unknown_file(struct file_layer *f, struct key key, const char *own, bool fresh,
				char names[2][FILE_NAME_SIZE])
{
	for (int i = file_names(f, key, names[0], names[1]) ? 0 : 1; i < 2; i++) {
		if (strcmp(names[i], own) == 0)
			return NULL;
		if (!file_is_as_known(f, names[i], fresh))
			return names[i];
	}
	return NULL;
}

static int reload(struct file_layer *f, const char *name)
{
	int rc = file_change_begin(f);

	if (rc < 0)
		return rc;
	rc = file_reload(f, name);
	file_change_end(f);
	return rc == -EAGAIN ? 0 : rc; /* it is being written: once more */
}

enum want { WANT_LOOK, WANT_FD };

/* One look, the first of a row or not: what is wanted, -EAGAIN: a file has been read again. */
static int try_find(struct file_layer *f, struct key key, struct place *place, enum want want,
		    bool fresh)
{
	char names[2][FILE_NAME_SIZE];
	bool found = place_find(f, key, place);
	const char *unknown = unknown_file(f, key, place->name, fresh, names);
	int rc = unknown             ? -EAGAIN
		 : !found            ? -ENOENT
		 : want == WANT_LOOK ? look_known(f, place, fresh)
				     : open_known(f, place, fresh);

	if (rc >= 0 && place->expired) {
		if (want == WANT_FD)
			close(rc);
		rc = -ENOENT;
	}
	if (rc == -EAGAIN) {
		int failed = reload(f, unknown ? unknown : place->name);
		rc = failed < 0 ? failed : -EAGAIN;
	}
	if (rc < 0)
		meta_fini(&place->meta);
	return rc;
}

/*
 * Where the key's entry is, as the index says; what another program has changed is read first. 0
 * (WANT_LOOK) or an open file. -ENOENT: a miss. With an error there is nothing to finish.
 */
static int find_known(struct file_layer *f, struct key key, struct place *place, enum want want)
{
	int rc = -EAGAIN;

	for (int i = 0; i < READ_TRIES && rc == -EAGAIN; i++)
		rc = try_find(f, key, place, want, i > 0);
	return rc == -EAGAIN ? -EIO : rc;
}

/* The same where the directory itself may have been removed, or the list of markers is news. */
static int find_entry(struct file_layer *f, struct key key, struct place *place, enum want want)
{
	int rc = find_known(f, key, place, want);

	if (rc != -ENOENT)
		return rc;
	file_watch_catch_up(f);
	if (file_is_removed(f) && file_change_begin(f) == 0) {
		file_watch_renew(f, false);
		file_change_end(f);
	}
	return find_known(f, key, place, want);
}

static int file_stat(void *state, struct key key, struct meta *meta)
{
	struct file_layer *f = state;
	struct place place;

	int rc = file_wait_loaded(f);
	if (rc == 0)
		rc = find_entry(f, key, &place, WANT_LOOK);
	if (rc == 0)
		*meta = place.meta;
	return rc;
}

static int file_revalidate(void *state, struct key key, const struct meta *copy)
{
	struct meta meta;
	int rc = file_stat(state, key, &meta);

	if (rc < 0)
		return rc;
	bool same = meta_is_copy(copy, &meta);
	meta_fini(&meta);
	return same ? 0 : -ESTALE;
}

/* Not every file system tells what another machine does: so the file itself is looked at too. */
static bool file_catch_up(void *state)
{
	file_watch_catch_up(state);
	return false;
}

/*
 * The value in an open file, and (may be NULL) how often the entry was renamed. -EINVAL: it is not
 * the one of the place; the index is wrong about this file.
 */
static int read_value(const struct place *place, int fd, struct value **value, uint64_t *renames)
{
	struct file_entry entry;
	char *text;

	if (place->look.size > LARGE)
		waiting_begin();
	int rc = file_text(fd, place->look.size, &text);
	if (rc < 0)
		return rc == -EAGAIN ? -EINVAL : rc;
	rc = file_entry_read(text, (size_t)place->look.size, false, &entry);
	if (rc == 0) {
		rc = file_entry_value(&entry, &place->look.mtime, value);
		if (renames)
			*renames = entry.renames;
		if (rc == 0 && (entry.foreign != (place->look.hash != 0) ||
				value_size(*value) != place->meta.size)) {
			value_unref(*value);
			*value = NULL;
			rc = -EINVAL;
		}
		file_entry_fini(&entry);
	}
	free(text);
	return rc;
}

static int try_peek(struct file_layer *f, struct key key, struct value **value, struct place *place)
{
	int fd = find_entry(f, key, place, WANT_FD);

	if (fd < 0)
		return fd;
	int rc = read_value(place, fd, value, NULL);
	close(fd);
	if (rc == 0)
		return 0;
	*value = NULL;
	meta_fini(&place->meta);
	if (rc == -EINVAL && (rc = file_change_begin(f)) == 0) {
		rc = file_read_again(f, place->name);
		file_change_end(f);
		rc = rc == 0 ? -EAGAIN : rc;
	}
	return rc;
}

static int file_peek(void *state, struct key key, struct value **value, struct meta *meta)
{
	struct file_layer *f = state;
	struct place place;
	int rc = file_wait_loaded(f);

	if (rc < 0)
		return rc;
	rc = -EAGAIN;
	for (int i = 0; i < READ_TRIES && rc == -EAGAIN; i++)
		rc = try_peek(f, key, value, &place);
	if (rc == 0)
		*meta = place.meta;
	return rc == -EAGAIN ? -EIO : rc;
}

static void file_note_hit(void *state, struct key key)
{
	struct file_layer *f = state;
	int64_t now_ms = time_wall_ms(f->env->time);

	lock_take(&f->lock);
	struct entry *e = entries_find(&f->entries, key);
	if (e) {
		e->meta.hits++;
		e->meta.hit_ms = now_ms;
		e->lost = true; /* with a kill -9: see file/lists.c */
	}
	lock_release(&f->lock);
}

static int file_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	int rc = file_peek(state, key, value, meta);

	if (rc == 0) {
		struct file_layer *f = state;
		file_note_hit(state, key);
		meta->hits++;
		meta->hit_ms = time_wall_ms(f->env->time);
	}
	return rc;
}

/* --- changes of one key ----------------------------------------------------------------------- */

/*
 * The file of key, current; expired entries are gone. 0, -ENOENT, or -errno: a file that may hold
 * it cannot be read. In any case the place is to be finished. Within a change.
 */
static int find_current(struct file_layer *f, struct key key, struct place *place)
{
	char names[2][FILE_NAME_SIZE];

	file_expire(f);
	bool found = place_find(f, key, place);
	int rc = found ? file_reload(f, place->name) : 0;
	for (int i = 0; i < 3 && rc == 0; i++) {
		meta_fini(&place->meta);
		found = place_find(f, key, place);
		const char *unknown = unknown_file(f, key, place->name, i > 0, names);
		if (!unknown)
			break;
		rc = file_reload(f, unknown);
	}
	if (rc == 0)
		return found && !place->expired ? 0 : -ENOENT;
	return rc == -EAGAIN ? -EIO : rc;
}

static int set_changing(struct file_layer *f, struct key key, struct value *value,
			const struct meta *meta)
{
	struct place place;
	/* What cannot be read is no more when it has been written over. */
	bool found = find_current(f, key, &place) == 0;
	int rc = 0;

	if (place.name[0] == '\0')
		file_choose_name(f, key, place.name);
	if (!found)
		rc = file_make_room(f, 1);
	if (rc == 0)
		rc = file_store(f, place.name, key, value, meta, NULL);
	file_keep_free(f, key);
	meta_fini(&place.meta);
	return rc;
}

static int file_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	struct file_layer *f = state;

	if (value_size(value) > VALUE_MAX)
		return -EFBIG;
	int rc = file_change_begin(f);
	if (rc < 0)
		return rc;
	rc = set_changing(f, key, value, meta);
	file_change_end(f);
	return rc;
}

static int file_foresee(void *state, struct key key, uint64_t size)
{
	(void)key;
	if (size > VALUE_MAX)
		return -EFBIG;
	return file_may_fit(state, size) ? 0 : -ENOSPC;
}

/* An entry whole, within a change. */
static int load_current(struct file_layer *f, struct key key, struct place *place,
			struct value **value, struct file_origin *origin)
{
	int rc = -EINVAL;

	*origin = (struct file_origin){ .key = key };
	*value = NULL;
	for (int i = 0; i < 3 && rc == -EINVAL; i++) {
		rc = i > 0 ? file_read_again(f, place->name) : 0;
		if (rc == 0)
			rc = find_current(f, key, place);
		int fd = rc == 0 ? open_known(f, place, true) : rc;
		rc = fd < 0 ? fd : read_value(place, fd, value, &origin->renames);
		if (fd >= 0)
			close(fd);
		if (rc < 0)
			meta_fini(&place->meta);
	}
	return rc == -EINVAL || rc == -EAGAIN ? -EIO : rc; /* it changes under our hands */
}

/* Its age, and so its turn to be evicted, stays, unless it is used. */
static int touch_changing(struct file_layer *f, struct key key, const struct meta *meta,
			  unsigned fields)
{
	struct place place;
	struct value *value;
	struct file_origin was;
	int rc = load_current(f, key, &place, &value, &was);

	if (rc < 0)
		return rc;
	meta_update(&place.meta, meta, fields);
	rc = file_store(f, place.name, key, value, &place.meta, fields & META_USED ? NULL : &was);
	meta_fini(&place.meta);
	value_unref(value);
	return rc;
}

static int file_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	int rc = file_change_begin(state);

	if (rc < 0)
		return rc;
	rc = touch_changing(state, key, meta, fields);
	file_change_end(state);
	return rc;
}

static int file_remove(void *state, struct key key)
{
	struct file_layer *f = state;
	struct place place;
	int rc = file_change_begin(f);

	if (rc < 0)
		return rc;
	rc = find_current(f, key, &place);
	if (rc == 0)
		rc = file_drop(f, key, FILE_REMOVED);
	meta_fini(&place.meta);
	file_change_end(f);
	return rc;
}

int file_rename_within(struct file_layer *f, struct key from, struct key to)
{
	struct place place, target;
	struct value *value;
	struct file_origin was;
	int rc = load_current(f, from, &place, &value, &was);

	if (rc < 0)
		return rc;
	if (!key_equal(from, to)) {
		find_current(f, to, &target);
		meta_fini(&target.meta);
		if (target.name[0] == '\0')
			file_choose_name(f, to, target.name);
		was.renames++;
		rc = file_store(f, target.name, to, value, &place.meta, &was);
		if (rc == 0)
			rc = file_remove_files(f, from, place.name);
	}
	meta_fini(&place.meta);
	value_unref(value);
	return rc;
}

static int file_rename(void *state, struct key from, struct key to)
{
	int rc = file_change_begin(state);

	if (rc < 0)
		return rc;
	rc = file_rename_within(state, from, to);
	file_change_end(state);
	return rc;
}

/* --- the rest --------------------------------------------------------------------------------- */

static int file_sync(void *state)
{
	struct file_layer *f = state;

	waiting_begin();
	return unsynced_sync(&f->unsynced, f->conf->directory);
}

static void file_usage(void *state, struct layer_usage *usage)
{
	struct file_layer *f = state;

	lock_take(&f->lock);
	*usage = (struct layer_usage){
		.entries = f->entries.count,
		.bytes = f->bytes,
		.max_entries = f->conf->max_files,
		.evictions = f->evictions,
		.expiries = f->expiries,
		.path = f->conf->directory,
	};
	lock_release(&f->lock);
	free_space_trouble(&f->space, usage->trouble, sizeof(usage->trouble));
}

const struct backend backend_file = {
	.type = "file",
	.options = file_options,
	.conf_size = sizeof(struct file_conf),
	.durable = true,
	.check = file_check,
	.places = file_places,
	.open = file_open,
	.close = file_close,
	.stat = file_stat,
	.get = file_get,
	.peek = file_peek,
	.revalidate = file_revalidate,
	.catch_up = file_catch_up,
	.set = file_set,
	.foresee = file_foresee,
	.touch = file_touch,
	.remove = file_remove,
	.remove_prefix = file_remove_prefix,
	.rename = file_rename,
	.rename_prefix = file_rename_prefix,
	.check_rename_prefix = file_check_rename_prefix,
	.list = file_list,
	.dir_stat = file_dir_stat,
	.dir_set = file_dir_set,
	.dir_remove = file_dir_remove,
	.sync = file_sync,
	.note_hit = file_note_hit,
	.usage = file_usage,
};
