/* The index of a file layer and the files it stands for. See file/store.h. */
#include "file/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parents.h"
#include "base/private_dir.h"
#include "base/waiting.h"
#include "base/whole.h"

enum {
	TURN_DEADLINE_MS = 30 * 1000, /* without anything being done */
	STEP_MS = 50,
	STEP_FILES = 256,
	EXPIRE_STEPS = 64,
	HASH_SIZE = 17, /* "~" and 16 digits */
};

/* --- names ------------------------------------------------------------------------------------ */

bool file_names(const struct file_layer *f, struct key key, char plain[FILE_NAME_SIZE],
		char hashed[FILE_NAME_SIZE])
{
	const char *extension = f->conf->file_extension;
	size_t room = FILE_NAME_SIZE - 1 - strlen(extension);
	size_t cut = key.size < room - HASH_SIZE ? key.size : room - HASH_SIZE;
	char clean[FILE_NAME_SIZE];
	bool fits = key.size <= room;

	for (size_t i = 0; i < key.size && i < sizeof(clean); i++) {
		char c = key.bytes[i];
		clean[i] = c == '/' || c == '\\' || c == '\0' ? '_' : c;
		fits = fits && c != '\0';
	}
	snprintf(hashed, FILE_NAME_SIZE, "%.*s~%016llx%s", (int)cut, clean,
		 (unsigned long long)key_hash(key), extension);
	if (!fits)
		return false;
	snprintf(plain, FILE_NAME_SIZE, "%.*s%s", (int)key.size, clean, extension);
	return strncmp(plain, FILE_OURS, sizeof(FILE_OURS) - 1) != 0;
}

void file_first_name(const struct file_layer *f, struct key key, char name[FILE_NAME_SIZE])
{
	char plain[FILE_NAME_SIZE], hashed[FILE_NAME_SIZE];

	memcpy(name, file_names(f, key, plain, hashed) ? plain : hashed, FILE_NAME_SIZE);
}

bool file_is_entry(const struct file_layer *f, const char *name)
{
	size_t size = strlen(name), extension = strlen(f->conf->file_extension);

	return size > extension && strncmp(name, FILE_OURS, sizeof(FILE_OURS) - 1) != 0 &&
	       strcmp(name + size - extension, f->conf->file_extension) == 0 &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* --- looks ------------------------------------------------------------------------------------ */

static struct file_look look_of(const struct stat *st)
{
	return (struct file_look){ .mtime = st->st_mtim,
				   .size = (uint64_t)st->st_size,
				   .ino = st->st_ino };
}

int file_look_at(int fd, struct file_look *look)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	*look = look_of(&st);
	return 0;
}

int file_look_of(struct file_layer *f, const char *name, struct file_look *look)
{
	struct stat st;

	if (fstatat(f->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*look = look_of(&st);
	return 0;
}

bool file_looks_same(const struct file_look *a, const struct file_look *b)
{
	return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec &&
	       a->size == b->size && a->ino == b->ino;
}

/* What the index says of a file: its look, then the bytes of its key (none: it is damaged). */
static struct value *file_record(const struct file_look *look, struct key key)
{
	char *bytes = malloc(sizeof(*look) + key.size);

	if (!bytes)
		return NULL;
	memcpy(bytes, look, sizeof(*look));
	if (key.size > 0)
		memcpy(bytes + sizeof(*look), key.bytes, key.size);
	return value_adopt(bytes, sizeof(*look) + key.size);
}

struct key file_record_key(const struct entry *file)
{
	return key_make((const char *)value_bytes(file->value) + sizeof(struct file_look),
			(size_t)value_size(file->value) - sizeof(struct file_look));
}

struct file_look file_record_look(const struct entry *file)
{
	struct file_look look;

	memcpy(&look, value_bytes(file->value), sizeof(look));
	return look;
}

bool file_known_look_locked(struct file_layer *f, const char *name, struct file_look *look)
{
	struct entry *file = entries_find(&f->files, key_of(name));

	if (file)
		*look = file_record_look(file);
	return file != NULL;
}

bool file_known_look(struct file_layer *f, const char *name, struct file_look *look)
{
	lock_take(&f->lock);
	bool known = file_known_look_locked(f, name, look);
	lock_release(&f->lock);
	return known;
}

bool file_is_as_known(struct file_layer *f, const char *name, bool fresh)
{
	struct file_look known, now;
	bool was = file_known_look(f, name, &known);
	bool is = file_look_of(f, name, &now) == 0;

	return was && is ? file_looks_same(&known, &now) && (fresh || !known.young) : was == is;
}

void file_complain(struct file_layer *f, const char *name, const char *what, const char *then)
{
	uint64_t hash = key_hash(key_of(name));

	if (atomic_exchange(&f->complained, hash) != hash)
		log_error("file: layer \"%s\": %s/%s: %s; %s", f->env->layer_name,
			  f->conf->directory, name, what, then);
}

int file_forbidden(struct file_layer *f, const char *name)
{
	file_complain(f, name, strerror(EACCES), "its key can be neither got nor set");
	return -EACCES;
}

/* --- turns ------------------------------------------------------------------------------------ */

enum turn { TURN_LOADED, TURN_CHANGE, TURN_MOVE };

static bool is_turn_locked(const struct file_layer *f, enum turn turn)
{
	return f->loaded && !(turn == TURN_CHANGE && f->changing) && !(turn == TURN_MOVE && f->moving);
}

/* However long it takes, as long as something is done. */
static int await_locked(struct file_layer *f, enum turn turn)
{
	struct deadline deadline = deadline_in(&time_system, TURN_DEADLINE_MS);
	uint64_t life = f->life;

	while (!is_turn_locked(f, turn)) {
		if (condition_wait_until(&f->turned, &f->lock, &deadline) || is_turn_locked(f, turn))
			continue;
		if (life == f->life)
			return -EHOSTDOWN;
		life = f->life;
		deadline = deadline_in(&time_system, TURN_DEADLINE_MS);
	}
	return 0;
}

static int change_begin_locked(struct file_layer *f)
{
	f->waiting++;
	int rc = await_locked(f, TURN_CHANGE);
	f->waiting--;
	if (rc == 0) {
		f->changing = true;
		f->turns++;
	}
	return rc;
}

static void change_end_locked(struct file_layer *f)
{
	f->changing = false;
	f->life++;
	pthread_cond_broadcast(&f->turned);
}

int file_wait_loaded(struct file_layer *f)
{
	lock_take(&f->lock);
	bool loaded = f->loaded;
	lock_release(&f->lock);
	if (loaded)
		return 0;
	waiting_begin();
	lock_take(&f->lock);
	int rc = await_locked(f, TURN_LOADED);
	lock_release(&f->lock);
	return rc;
}

int file_change_begin(struct file_layer *f)
{
	waiting_begin();
	lock_take(&f->lock);
	int rc = change_begin_locked(f);
	lock_release(&f->lock);
	return rc;
}

void file_change_end(struct file_layer *f)
{
	lock_take(&f->lock);
	change_end_locked(f);
	lock_release(&f->lock);
}

void file_change_step(struct file_layer *f, struct file_step *step)
{
	int64_t now = time_mono_ms(&time_system);
	struct deadline deadline = deadline_in(&time_system, TURN_DEADLINE_MS);

	if (step->files == 0)
		step->begun_ms = now;
	if (++step->files < STEP_FILES && now - step->begun_ms < STEP_MS)
		return;
	step->files = 0;
	lock_take(&f->lock);
	change_end_locked(f);
	uint64_t turns = f->turns;
	while (f->waiting > 0 && f->turns == turns)
		if (!condition_wait_until(&f->turned, &f->lock, &deadline))
			break;
	while (change_begin_locked(f) < 0)
		; /* half done is nothing to end with: it is the disk that is waited for */
	lock_release(&f->lock);
}

int file_move_begin(struct file_layer *f)
{
	waiting_begin();
	lock_take(&f->lock);
	int rc = await_locked(f, TURN_MOVE);
	f->moving |= rc == 0;
	lock_release(&f->lock);
	return rc;
}

void file_move_end(struct file_layer *f)
{
	lock_take(&f->lock);
	f->moving = false;
	f->life++;
	pthread_cond_broadcast(&f->turned);
	lock_release(&f->lock);
}

/* --- the index -------------------------------------------------------------------------------- */

static void put_locked(struct entries *s, struct entry *e, struct entry **dead)
{
	struct entry *old = entries_find(s, e->key);

	if (old) {
		entries_take(s, old);
		old->link = *dead;
		*dead = old;
	}
	entries_put(s, e);
}

static void free_all(struct entry *dead)
{
	while (dead) {
		struct entry *next = dead->link;
		entry_free(dead);
		dead = next;
	}
}

static void take_locked(struct entries *s, struct entry *e, struct entry **dead)
{
	entries_take(s, e);
	e->link = *dead;
	*dead = e;
}

/* Forgets a file, and the entry that it holds, if that is not to be kept. */
static void forget_locked(struct file_layer *f, const char *name, const struct entry *kept,
			  struct entry **dead)
{
	struct entry *file = entries_find(&f->files, key_of(name));

	if (!file)
		return;
	f->bytes -= file_record_look(file).size;
	struct key key = file_record_key(file);
	struct entry *e = key.size > 0 ? entries_find(&f->entries, key) : NULL;
	if (e && e != kept &&
	    key_equal(key_make(value_bytes(e->value), value_size(e->value)), key_of(name)))
		take_locked(&f->entries, e, dead);
	take_locked(&f->files, file, dead);
}

/* Puts e in, or in the place that `old` (NULL: none) has in the order of age. */
static void enter_locked(struct file_layer *f, struct entry *e, struct entry *old,
			 struct entry **dead)
{
	struct entry *there = entries_find(&f->entries, e->key);

	if (there && there != old)
		take_locked(&f->entries, there, dead);
	if (!old) {
		entries_put(&f->entries, e);
		return;
	}
	entries_replace(&f->entries, old, e);
	old->link = *dead;
	*dead = old;
}

int file_remember(struct file_layer *f, const char *name, const struct file_look *look,
		  struct key key, const struct meta *meta, struct key aged)
{
	struct value *record = file_record(look, key), *file = value_copy(name, strlen(name));
	struct entry *by_name = record ? entry_new(key_of(name), record, NULL) : NULL;
	struct entry *by_key = file && meta ? entry_new(key, file, meta) : NULL;
	struct entry *dead = NULL;
	int rc = -ENOMEM;

	lock_take(&f->lock);
	if (by_name && (by_key || !meta) && entries_reserve(&f->files) &&
	    entries_reserve(&f->entries)) {
		struct entry *old = aged.size > 0 ? entries_find(&f->entries, aged) : NULL;
		forget_locked(f, name, old, &dead);
		put_locked(&f->files, by_name, &dead);
		if (by_key)
			enter_locked(f, by_key, old, &dead);
		f->bytes += look->size;
		f->life++;
		by_name = by_key = NULL;
		rc = 0;
	}
	lock_release(&f->lock);
	entry_free(by_name);
	entry_free(by_key);
	free_all(dead);
	value_unref(record);
	value_unref(file);
	return rc;
}

void file_forget(struct file_layer *f, const char *name)
{
	struct entry *dead = NULL;

	lock_take(&f->lock);
	forget_locked(f, name, NULL, &dead);
	lock_release(&f->lock);
	free_all(dead);
}

int file_remove_file(struct file_layer *f, const char *name)
{
	if (unlinkat(f->dir_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	unsynced_note(&f->unsynced, name);
	file_forget(f, name);
	return 0;
}

static mode_t file_mode(const struct file_conf *conf)
{
	return conf->mode ? conf->mode : 0600;
}

int file_make_directory(const struct file_conf *conf)
{
	mode_t mode = private_dir_mode(file_mode(conf));
	int rc = parents_make(conf->directory, mode);

	return rc == 0 ? parents_make_one(conf->directory, mode) : rc;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* A file that nobody else takes for left over: it is locked while it is being written. */
static int temp_open(struct file_layer *f, char name[FILE_NAME_SIZE])
{
	snprintf(name, FILE_NAME_SIZE, FILE_OURS "tmp-%d-%llu", (int)getpid(),
		 (unsigned long long)atomic_fetch_add(&f->temp_number, 1));
	int fd = openat(f->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	flock(fd, LOCK_EX | LOCK_NB);
	private_dir_share(fd, NULL, file_mode(f->conf));
	return fd;
}

/* The age of the entry's file; false: nothing is known of it. */
static bool age_of(struct file_layer *f, struct key key, struct timespec *age)
{
	lock_take(&f->lock);
	struct entry *e = key.size > 0 ? entries_find(&f->entries, key) : NULL;
	struct entry *file = e ? entries_find(&f->files,
					      key_make(value_bytes(e->value), value_size(e->value)))
			       : NULL;
	if (file)
		*age = file_record_look(file).mtime;
	lock_release(&f->lock);
	return file != NULL;
}

/* What is to be written: text as it stands, or an entry, which has the time of its file in it. */
struct content {
	const char *text;
	size_t size;
	struct key key;
	const struct file_origin *was; /* see file_store() */
	struct value *value;
	const struct meta *meta;
};

static int write_entry(struct file_layer *f, int fd, const struct content *c)
{
	struct key aged = c->was ? c->was->key : KEY_ROOT;
	bool moved = c->was && !key_equal(aged, c->key);
	struct file_look look;
	struct timespec age;
	char *text;
	size_t size;
	int rc = file_look_at(fd, &look);

	if (rc < 0)
		return rc;
	if (!age_of(f, aged, &age))
		age = look.mtime; /* by the file system's own clock */
	rc = file_entry_write(c->key, moved ? c->was : NULL, c->value, c->meta, &age, &text, &size);
	if (rc < 0)
		return rc;
	rc = whole_write(fd, text, size, 0);
	free(text);
	struct timespec times[2] = { age, age };
	return rc == 0 && futimens(fd, times) < 0 ? -errno : rc;
}

static int write_once(struct file_layer *f, const char *name, const struct content *c,
		      struct file_look *look)
{
	char temp[FILE_NAME_SIZE];
	int fd = temp_open(f, temp);

	if (fd < 0)
		return fd;
	int rc = c->text ? whole_write(fd, c->text, c->size, 0) : write_entry(f, fd, c);
	if (rc == 0)
		rc = file_look_at(fd, look);
	if (rc == 0 && renameat(f->dir_fd, temp, f->dir_fd, name) < 0)
		rc = -errno;
	if (rc < 0)
		unlinkat(f->dir_fd, temp, 0);
	else
		unsynced_note(&f->unsynced, name);
	close(fd);
	return rc;
}

/* Over the file that is there, which keeps its blocks. -ENOSPC: it is shorter. */
static int overwrite(struct file_layer *f, const char *name, const struct content *c,
		     struct file_look *look)
{
	int fd = openat(f->dir_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int rc = fd < 0 ? -ENOSPC : file_look_at(fd, look);

	if (rc == 0 && look->size < c->size)
		rc = -ENOSPC;
	if (rc == 0)
		rc = whole_write(fd, c->text, c->size, 0);
	if (rc == 0 && ftruncate(fd, (off_t)c->size) < 0)
		rc = -errno;
	if (rc == 0)
		rc = file_look_at(fd, look);
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		unsynced_note(&f->unsynced, name);
	return rc;
}

static int write_anew(struct file_layer *f, const char *name, const struct content *c,
		      struct file_look *look)
{
	int rc = write_once(f, name, c, look);

	/* The directory is gone, or elsewhere, or another daemon took the temporary file for one
	 * left over. */
	if (rc == -ENOENT || (rc == 0 && file_is_removed(f))) {
		file_watch_renew(f, true);
		rc = write_once(f, name, c, look);
	}
	return rc == -ENOENT ? -EIO : rc;
}

/* As an entry's text is at most: each byte may be escaped. */
static uint64_t size_of(const struct content *c)
{
	return c->text ? c->size : 6 * value_size(c->value) + 4096;
}

static int write_content(struct file_layer *f, const char *name, const struct content *c,
			 struct file_look *look)
{
	struct key kept = c->was ? c->was->key : c->key;
	int rc = write_anew(f, name, c, look);
	bool full = free_space_is_short(rc);

	if (full && c->text)
		rc = overwrite(f, name, c, look);
	/* Little by little: the text may be much shorter than it can be. */
	for (uint64_t size = size_of(c) / 8 + 4096;
	     free_space_is_short(rc) && file_make_space(f, size, kept); size *= 2)
		rc = write_anew(f, name, c, look);
	if (!atomic_load(&f->stopping) && (full || rc == 0))
		free_space_settled(&f->space, !free_space_is_short(rc));
	return free_space_is_short(rc) ? -ENOSPC : rc;
}

int file_write(struct file_layer *f, const char *name, const char *text, size_t size,
	       struct file_look *look)
{
	const struct content content = { .text = text, .size = size };

	return write_content(f, name, &content, look);
}

int file_store(struct file_layer *f, const char *name, struct key key, struct value *value,
	       const struct meta *meta, const struct file_origin *was)
{
	const struct content content = { .key = key, .was = was, .value = value, .meta = meta };
	struct file_look look;
	int rc = write_content(f, name, &content, &look);

	if (rc == 0)
		rc = file_remember(f, name, &look, key, meta, was ? was->key : KEY_ROOT);
	return rc;
}

void file_choose_name(struct file_layer *f, struct key key, char name[FILE_NAME_SIZE])
{
	char plain[FILE_NAME_SIZE], hashed[FILE_NAME_SIZE];
	bool taken = true;

	if (file_names(f, key, plain, hashed)) {
		file_reload(f, plain); /* whose is it? */
		lock_take(&f->lock);
		struct entry *file = entries_find(&f->files, key_of(plain));
		taken = file && file_record_key(file).size > 0 &&
			!key_equal(file_record_key(file), key);
		lock_release(&f->lock);
	}
	memcpy(name, taken ? hashed : plain, FILE_NAME_SIZE);
}

/* --- removing --------------------------------------------------------------------------------- */

static bool holds(struct file_layer *f, const char *name, struct key key)
{
	lock_take(&f->lock);
	const struct entry *file = entries_find(&f->files, key_of(name));
	bool held = file && key_equal(file_record_key(file), key);
	lock_release(&f->lock);
	return held;
}

int file_remove_files(struct file_layer *f, struct key key, const char *name)
{
	char names[2][FILE_NAME_SIZE];
	int rc = 0;

	/* An older one, from when the other name was another key's, would come to light. */
	for (int i = file_names(f, key, names[0], names[1]) ? 0 : 1; i < 2 && rc == 0; i++)
		if (strcmp(names[i], name) != 0 && holds(f, names[i], key))
			rc = file_remove_file(f, names[i]);
	return rc < 0 ? rc : file_remove_file(f, name);
}

int file_drop(struct file_layer *f, struct key key, enum file_reason reason)
{
	char name[FILE_NAME_SIZE] = "";

	lock_take(&f->lock);
	struct entry *e = entries_find(&f->entries, key);
	if (e)
		memcpy(name, value_bytes(e->value), (size_t)value_size(e->value));
	if (e)
		name[value_size(e->value)] = '\0';
	lock_release(&f->lock);
	if (!e)
		return -ENOENT;
	int rc = file_remove_files(f, key, name);
	if (rc < 0 && reason == FILE_EXPIRED) {
		file_forget(f,
			    name); /* nobody may wait for it to go; whoever asks for it finds it */
		rc = 0;
	}
	if (rc < 0 || reason == FILE_REMOVED)
		return rc;
	lock_take(&f->lock);
	f->evictions += reason == FILE_EVICTED;
	f->expiries += reason == FILE_EXPIRED;
	lock_release(&f->lock);
	if (f->env->gone)
		f->env->gone(f->env->self, key);
	return 0;
}

void file_expire(struct file_layer *f)
{
	struct key_buffer key;

	for (int i = 0; i < EXPIRE_STEPS; i++) {
		struct instant now = time_instant(f->env->time);
		lock_take(&f->lock);
		struct entry *due = entries_due(&f->entries, now);
		if (due) {
			key.size = due->key.size;
			memcpy(key.bytes, due->key.bytes, key.size);
		}
		lock_release(&f->lock);
		if (!due || file_drop(f, key_make(key.bytes, key.size), FILE_EXPIRED) < 0)
			return;
	}
}
