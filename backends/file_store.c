/* The index of a file layer and the files it stands for. See file_store.h. */
#include "file_store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "log.h"
#include "parents.h"
#include "waiting.h"

/* More than a value of 256 MiB is in JSON, every byte of it escaped. */
#define TEXT_MAX ((uint64_t)2 << 30)

enum {
	TURN_DEADLINE_MS = 30 * 1000,
	HEAD_SIZE = 256 * 1024, /* more than all members before the payload */
	EXPIRE_STEPS = 64,
	YOUNG_MS = 50, /* several ticks of any kernel's clock of files */
	SKEW_MS = 60000,
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
		return -ENOENT;
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

static struct key record_key(const struct entry *file)
{
	return key_make((const char *)value_bytes(file->value) + sizeof(struct file_look),
			(size_t)value_size(file->value) - sizeof(struct file_look));
}

static struct file_look record_look(const struct entry *file)
{
	struct file_look look;

	memcpy(&look, value_bytes(file->value), sizeof(look));
	return look;
}

bool file_known_look_locked(struct file_layer *f, const char *name, struct file_look *look)
{
	struct entry *file = entries_find(&f->files, key_of(name));

	if (file)
		*look = record_look(file);
	return file != NULL;
}

bool file_known_look(struct file_layer *f, const char *name, struct file_look *look)
{
	lock_take(&f->lock);
	bool known = file_known_look_locked(f, name, look);
	lock_release(&f->lock);
	return known;
}

void file_complain(struct file_layer *f, const char *name, const char *what)
{
	uint64_t hash = key_hash(key_of(name));

	if (atomic_exchange(&f->complained, hash) != hash)
		log_error(
			"file: layer \"%s\": %s/%s: %s; treated as a miss, it stays until its key "
			"is set",
			f->env->layer_name, f->conf->directory, name, what);
}

/* --- turns ------------------------------------------------------------------------------------ */

static int await_locked(struct file_layer *f, bool change)
{
	struct timespec deadline = time_deadline(TURN_DEADLINE_MS);

	while (!f->loaded || (change && f->changing))
		if (!condition_wait_until(&f->turned, &f->lock, &deadline) &&
		    (!f->loaded || (change && f->changing)))
			return -EHOSTDOWN;
	return 0;
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
	int rc = await_locked(f, false);
	lock_release(&f->lock);
	return rc;
}

int file_change_begin(struct file_layer *f)
{
	waiting_begin();
	lock_take(&f->lock);
	int rc = await_locked(f, true);
	if (rc == 0)
		f->changing = true;
	lock_release(&f->lock);
	return rc;
}

void file_change_end(struct file_layer *f)
{
	lock_take(&f->lock);
	f->changing = false;
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
	f->bytes -= record_look(file).size;
	struct key key = record_key(file);
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

/*
 * Enters what was read or written, in the place of the entry that it has the age of (KEY_ROOT:
 * none). key of no bytes: a damaged file. 0 or -ENOMEM.
 */
static int remember(struct file_layer *f, const char *name, const struct file_look *look,
		    struct key key, const struct meta *meta, struct key aged)
{
	struct value *record = file_record(look, key), *file = value_copy(name, strlen(name));
	struct entry *by_name = record ? entry_new(key_of(name), record, NULL) : NULL;
	struct entry *by_key = file && key.size > 0 ? entry_new(key, file, meta) : NULL;
	struct entry *dead = NULL;
	int rc = -ENOMEM;

	lock_take(&f->lock);
	if (by_name && (by_key || key.size == 0) && entries_reserve(&f->files) &&
	    entries_reserve(&f->entries)) {
		struct entry *old = aged.size > 0 ? entries_find(&f->entries, aged) : NULL;
		forget_locked(f, name, old, &dead);
		put_locked(&f->files, by_name, &dead);
		if (by_key)
			enter_locked(f, by_key, old, &dead);
		f->bytes += look->size;
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

static void forget(struct file_layer *f, const char *name)
{
	struct entry *dead = NULL;

	lock_take(&f->lock);
	forget_locked(f, name, NULL, &dead);
	lock_release(&f->lock);
	free_all(dead);
}

static int remove_file(struct file_layer *f, const char *name)
{
	if (unlinkat(f->dir_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	unsynced_note(&f->unsynced, name);
	forget(f, name);
	return 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

int file_text(int fd, uint64_t size, char **text)
{
	char *bytes = size <= TEXT_MAX ? malloc((size_t)size + 1) : NULL;
	size_t done = 0;

	if (size > TEXT_MAX)
		return -EFBIG;
	if (!bytes)
		return -ENOMEM;
	while (done < size) {
		ssize_t n = pread(fd, bytes + done, (size_t)size - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int rc = n < 0 ? -errno : -EAGAIN; /* cut off while it was read */
			free(bytes);
			return rc;
		}
		done += (size_t)n;
	}
	bytes[size] = '\0';
	*text = bytes;
	return 0;
}

/* What a file says beside the value; of ours the head is enough. */
static int read_head(int fd, uint64_t size, struct file_entry *entry, uint64_t *hash)
{
	char *text;
	int rc = -EINVAL;

	for (int whole = 0; whole < 2 && rc == -EINVAL; whole++) {
		uint64_t part = whole || size < HEAD_SIZE ? size : HEAD_SIZE;
		rc = file_text(fd, part, &text);
		if (rc < 0)
			return rc;
		rc = file_entry_read(text, (size_t)part, part < size, entry);
		*hash = rc == 0 && entry->foreign ? XXH3_64bits(text, (size_t)part) : 0;
		entry->payload = entry->payload_end = NULL;
		free(text);
		if (part == size)
			break;
	}
	return rc;
}

/*
 * The key that a file without one has: that of before, if another program has overwritten our file;
 * else its name without the extension.
 */
static int find_key(struct file_layer *f, const char *name, struct file_entry *entry)
{
	size_t size = strlen(name) - strlen(f->conf->file_extension);
	struct key key = key_make(name, size);

	if (entry->key)
		return 0;
	lock_take(&f->lock);
	struct entry *file = entries_find(&f->files, key_of(name));
	if (file && record_key(file).size > 0)
		key = record_key(file);
	entry->key = key_copy(key);
	lock_release(&f->lock);
	entry->key_size = key.size;
	return entry->key ? 0 : -ENOMEM;
}

/* Whether the key already has another file, which is the younger one. */
static bool has_younger_file(struct file_layer *f, struct key key, const char *name,
			     const struct file_look *look)
{
	bool younger = false;

	lock_take(&f->lock);
	struct entry *e = entries_find(&f->entries, key);
	struct entry *file = e ? entries_find(&f->files,
					      key_make(value_bytes(e->value), value_size(e->value)))
			       : NULL;
	if (file && !key_equal(file->key, key_of(name))) {
		struct timespec other = record_look(file).mtime;
		younger = other.tv_sec != look->mtime.tv_sec ? other.tv_sec > look->mtime.tv_sec
							     : other.tv_nsec >= look->mtime.tv_nsec;
	}
	lock_release(&f->lock);
	return younger;
}

/* Whether the file is one of the two that the key's entry may be in. */
static bool may_hold(const struct file_layer *f, const char *name, struct key key)
{
	char plain[FILE_NAME_SIZE], hashed[FILE_NAME_SIZE];

	if (!key_is_valid(key))
		return false;
	return (file_names(f, key, plain, hashed) && strcmp(name, plain) == 0) ||
	       strcmp(name, hashed) == 0;
}

/* Whether the mtime may be another write's as well. Clocks of other machines differ. */
static bool is_young(const struct timespec *mtime)
{
	struct timespec now = time_now();
	int64_t age_ms = (int64_t)(now.tv_sec - mtime->tv_sec) * 1000 +
			 (now.tv_nsec - mtime->tv_nsec) / 1000000;

	return age_ms < YOUNG_MS && age_ms > -SKEW_MS;
}

/*
 * A foreign entry is as old as its file. One that looks as another one looked before gets a time
 * that tells the two apart. Whether it is still that very one, as a second look at a young file
 * finds.
 */
static bool date_foreign(struct file_layer *f, const char *name, const struct file_look *look,
			 struct file_entry *entry)
{
	struct timespec time = look->mtime;
	bool same = false;

	lock_take(&f->lock);
	struct entry *file = entries_find(&f->files, key_of(name));
	struct file_look known = file ? record_look(file) : (struct file_look){ 0 };
	struct entry *e = file && known.hash != 0 && file_looks_same(look, &known)
				  ? entries_find(&f->entries, record_key(file))
				  : NULL;
	if (e) {
		same = known.hash == look->hash;
		time = e->meta.mtime;
		time.tv_nsec += !same && time.tv_nsec < 999999999;
	}
	lock_release(&f->lock);
	entry->meta.mtime = entry->meta.ctime = time;
	return same;
}

/* The file of the entry that this one was before it was renamed, if it is there. */
static void remove_if_left(struct file_layer *f, const char *name, const struct file_entry *moved)
{
	struct key from = key_make(moved->from, moved->from_size);
	struct file_look look;
	struct file_entry entry;
	int fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

	if (fd < 0)
		return;
	int rc = file_look_at(fd, &look);
	if (rc == 0)
		rc = read_head(fd, look.size, &entry, &look.hash);
	close(fd);
	if (rc < 0)
		return;
	if (entry.foreign)
		entry.meta.mtime = look.mtime;
	if ((!entry.key || key_equal(key_make(entry.key, entry.key_size), from)) &&
	    meta_same_value(&entry.meta, &moved->meta) && entry.renames < moved->renames)
		remove_file(f, name);
	file_entry_fini(&entry);
}

/*
 * A rename writes the entry under its new name, and then removes the old file: one that was cut off
 * between the two is finished. Where it went to and fro, the younger rename has the higher number.
 */
static void finish_rename(struct file_layer *f, const char *name, const struct file_entry *moved)
{
	struct key from = key_make(moved->from, moved->from_size);
	char plain[FILE_NAME_SIZE], hashed[FILE_NAME_SIZE];

	if (!key_is_valid(from))
		return;
	if (file_names(f, from, plain, hashed) && strcmp(plain, name) != 0)
		remove_if_left(f, plain, moved);
	if (strcmp(hashed, name) != 0)
		remove_if_left(f, hashed, moved);
}

static void read_again(struct file_layer *f, const char *name, int fd, struct file_look *look)
{
	struct file_entry entry = { 0 };
	bool young = is_young(&look->mtime), same = false;
	int rc = read_head(fd, look->size, &entry, &look->hash);

	if (rc == 0)
		rc = find_key(f, name, &entry);
	if (rc == 0 && !may_hold(f, name, key_make(entry.key, entry.key_size)))
		rc = -EINVAL;
	look->young = young && (rc < 0 || entry.foreign);
	if (rc < 0) {
		file_complain(f, name, rc == -EINVAL ? "not an entry, or damaged" : strerror(-rc));
		if (rc == -EINVAL || rc == -EFBIG) /* else it is read again when it is asked for */
			remember(f, name, look, KEY_ROOT, NULL, KEY_ROOT);
	} else {
		struct key key = key_make(entry.key, entry.key_size);
		if (entry.from && !entry.foreign && !f->loaded)
			finish_rename(f, name, &entry);
		if (entry.foreign)
			same = date_foreign(f, name, look, &entry);
		if (!has_younger_file(f, key, name, look))
			remember(f, name, look, key, &entry.meta, same ? key : KEY_ROOT);
		if (!same && f->loaded && f->env->changed)
			f->env->changed(f->env->self, key);
	}
	file_entry_fini(&entry);
}

static void tell_gone(struct file_layer *f, const char *name)
{
	struct key_buffer key = { .size = 0 };

	lock_take(&f->lock);
	struct entry *file = entries_find(&f->files, key_of(name));
	if (file && record_key(file).size > 0) {
		key.size = record_key(file).size;
		memcpy(key.bytes, record_key(file).bytes, key.size);
	}
	lock_release(&f->lock);
	forget(f, name);
	if (key.size > 0 && f->env->changed)
		f->env->changed(f->env->self, key_make(key.bytes, key.size));
}

void file_forget_all(struct file_layer *f)
{
	char name[FILE_NAME_SIZE];

	for (;;) {
		lock_take(&f->lock);
		const struct entry *file = f->files.first[0];
		if (file)
			snprintf(name, sizeof(name), "%.*s", (int)file->key.size, file->key.bytes);
		lock_release(&f->lock);
		if (!file)
			break;
		tell_gone(f, name);
	}
}

int file_make_directory(const char *path)
{
	int rc = parents_make(path, 0777);

	return rc == 0 && mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : rc;
}

/* That there are too few descriptors, or that the disk is bad, says nothing of the file. */
static bool means_gone(int error)
{
	return error == ENOENT || error == ELOOP || error == ENXIO || error == EACCES;
}

void file_reload(struct file_layer *f, const char *name)
{
	struct file_look look, known;
	int fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

	if (fd < 0 && !means_gone(errno))
		return;
	if (fd < 0 || file_look_at(fd, &look) < 0)
		tell_gone(f, name);
	else if (!file_known_look(f, name, &known) || known.young ||
		 !file_looks_same(&look, &known))
		read_again(f, name, fd, &look);
	if (fd >= 0)
		close(fd);
}

/* --- writing ---------------------------------------------------------------------------------- */

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

/* A file that nobody else takes for left over: it is locked while it is being written. */
static int temp_open(struct file_layer *f, char name[FILE_NAME_SIZE])
{
	snprintf(name, FILE_NAME_SIZE, FILE_OURS "tmp-%d-%llu", (int)getpid(),
		 (unsigned long long)atomic_fetch_add(&f->temp_number, 1));
	int fd = openat(f->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}

static int write_once(struct file_layer *f, const char *name, const char *text, size_t size,
		      const struct timespec *old_time, struct file_look *look)
{
	char temp[FILE_NAME_SIZE];
	int fd = temp_open(f, temp);

	if (fd < 0)
		return fd;
	int rc = write_all(fd, text, size);
	if (rc == 0 && old_time) {
		struct timespec times[2] = { *old_time, *old_time };
		rc = futimens(fd, times) < 0 ? -errno : 0;
	}
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

int file_write(struct file_layer *f, const char *name, const char *text, size_t size,
	       const struct timespec *old_time, struct file_look *look)
{
	int rc = write_once(f, name, text, size, old_time, look);

	/* The directory is gone, or another daemon took the temporary file for one left over. */
	if (rc == -ENOENT) {
		file_watch_renew(f, true);
		rc = write_once(f, name, text, size, old_time, look);
	}
	return rc == -ENOENT ? -EIO : rc;
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
		*age = record_look(file).mtime;
	lock_release(&f->lock);
	return file != NULL;
}

int file_store(struct file_layer *f, const char *name, struct key key, struct value *value,
	       const struct meta *meta, const struct file_origin *was)
{
	struct key aged = was ? was->key : KEY_ROOT;
	struct file_look look;
	struct timespec age;
	char *text;
	size_t size;
	int rc = file_entry_write(key, was && !key_equal(aged, key) ? was : NULL, value, meta,
				  &text, &size);

	if (rc < 0)
		return rc;
	rc = file_write(f, name, text, size, age_of(f, aged, &age) ? &age : NULL, &look);
	free(text);
	if (rc == 0)
		rc = remember(f, name, &look, key, meta, aged);
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
		taken = file && record_key(file).size > 0 && !key_equal(record_key(file), key);
		lock_release(&f->lock);
	}
	memcpy(name, taken ? hashed : plain, FILE_NAME_SIZE);
}

/* --- removing --------------------------------------------------------------------------------- */

static bool holds(struct file_layer *f, const char *name, struct key key)
{
	lock_take(&f->lock);
	const struct entry *file = entries_find(&f->files, key_of(name));
	bool held = file && key_equal(record_key(file), key);
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
			rc = remove_file(f, names[i]);
	return rc < 0 ? rc : remove_file(f, name);
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
		forget(f, name); /* nobody may wait for it to go; whoever asks for it finds it */
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
