/* Reads the files of a file layer. See file/read.h. */
#include "file/read.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "file/entry_read.h"
#include "file/index.h"
#include "file/turn.h"
#include "base/whole.h"

/* More than a value of 256 MiB is in JSON, every byte of it escaped. */
#define TEXT_MAX ((uint64_t)2 << 30)

enum { HEAD_SIZE = 256 * 1024 }; /* more than all members before the payload */

int file_text(int fd, uint64_t size, char **text)
{
	char *bytes = size <= TEXT_MAX ? malloc((size_t)size + 1) : NULL;

	if (size > TEXT_MAX)
		return -EFBIG;
	if (!bytes)
		return -ENOMEM;
	int rc = whole_read(fd, bytes, (size_t)size, 0);
	if (rc < 0) {
		free(bytes);
		return rc == -ENODATA ? -EAGAIN : rc; /* cut off while it was read */
	}
	bytes[size] = '\0';
	*text = bytes;
	return 0;
}

/* The first `size` bytes: what they say of the entry, and of a foreign one the hash of its text. */
static int read_part(int fd, uint64_t size, bool partial, struct file_look *look,
		     struct file_entry *entry)
{
	struct value *value = NULL;
	char *text;
	int rc = file_text(fd, size, &text);

	if (rc < 0)
		return rc;
	rc = file_entry_read(text, (size_t)size, partial, entry);
	if (rc == 0 && partial && !file_entry_is_as_written(entry, &look->mtime))
		rc = -EINVAL;
	else if (rc == 0 && !partial)
		rc = file_entry_value(entry, &look->mtime, &value);
	value_unref(value);
	look->hash = rc == 0 && entry->foreign ? XXH3_64bits(text, (size_t)size) : 0;
	if (rc < 0)
		file_entry_fini(entry);
	entry->payload = entry->payload_end = NULL;
	free(text);
	return rc;
}

/*
 * What a file says beside the value. Of one that is as we wrote it the head is enough; any other
 * must have a value that can be got, for it is listed then.
 */
static int read_entry(int fd, bool whole, struct file_look *look, struct file_entry *entry)
{
	int rc = -EINVAL;

	if (!whole && look->size > HEAD_SIZE)
		rc = read_part(fd, HEAD_SIZE, true, look, entry);
	return rc == -EINVAL ? read_part(fd, look->size, false, look, entry) : rc;
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
	struct entry *file = file_known_locked(f, name);
	if (file && file_record_key(file).size > 0)
		key = file_record_key(file);
	entry->key = key_copy(key);
	lock_release(&f->lock);
	entry->key_size = key.size;
	return entry->key ? 0 : -ENOMEM;
}

/* The other file that the key's entry is in. */
struct other {
	char name[FILE_NAME_SIZE]; /* "": there is none */
	struct file_look look;
};

static void find_other(struct file_layer *f, struct key key, const char *name, struct other *other)
{
	lock_take(&f->lock);
	const struct entry *file = file_of_key_locked(f, key);
	other->name[0] = '\0';
	if (file && !key_equal(file->key, key_of(name))) {
		file_record_name(file, other->name);
		other->look = file_record_look(file);
	}
	lock_release(&f->lock);
}

/* What is met while the directory is followed came later than what was known, if they look alike.
 */
static bool is_younger(const struct file_layer *f, const struct other *other,
		       const struct file_look *look)
{
	const struct timespec *a = &other->look.mtime, *b = &look->mtime;

	if (other->name[0] == '\0')
		return false;
	return time_is_later(a, b) || (!f->loaded && !time_is_later(b, a));
}

/* Whether the file is one of the two that the key's entry may be in. */
static bool may_hold(const struct file_layer *f, const char *name, struct key key)
{
	char plain[FILE_NAME_SIZE], hashed[FILE_NAME_SIZE];

	if (!key_is_valid(key))
		return false;
	return (file_names(f->conf, key, plain, hashed) && strcmp(name, plain) == 0) ||
	       strcmp(name, hashed) == 0;
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
	struct entry *file = file_known_locked(f, name);
	struct file_look known = file ? file_record_look(file) : (struct file_look){ 0 };
	struct entry *e = file && known.hash != 0 && file_looks_same(look, &known)
				  ? entries_find(&f->entries, file_record_key(file))
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

/* Of an entry that was there before this one, and that another program has overwritten. */
static void keep_owner(struct file_layer *f, struct file_entry *entry)
{
	lock_take(&f->lock);
	const struct entry *e = entries_find(&f->entries, key_make(entry->key, entry->key_size));
	if (e && entry->meta.mode == 0)
		meta_keep_owner(&entry->meta, &e->meta);
	lock_release(&f->lock);
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
		rc = read_entry(fd, false, &look, &entry);
	close(fd);
	if (rc < 0)
		return;
	if (entry.foreign)
		entry.meta.mtime = look.mtime;
	if ((!entry.key || key_equal(key_make(entry.key, entry.key_size), from)) &&
	    meta_same_value(&entry.meta, &moved->meta) && entry.renames < moved->renames)
		file_remove_file(f, name);
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
	if (file_names(f->conf, from, plain, hashed) && strcmp(plain, name) != 0)
		remove_if_left(f, plain, moved);
	if (strcmp(hashed, name) != 0)
		remove_if_left(f, hashed, moved);
}

/*
 * Enters what was read. An older file of the same key is entered as one that holds no entry; one of
 * ours goes, or it would come to light when the younger one is removed.
 */
static int enter(struct file_layer *f, const char *name, const struct file_look *look,
		 const struct file_entry *entry, bool same)
{
	struct key key = key_make(entry->key, entry->key_size);
	struct other other;

	find_other(f, key, name, &other);
	bool younger = is_younger(f, &other, look);
	int rc = file_remember(f, name, look, key, younger ? NULL : &entry->meta,
			       same ? key : KEY_ROOT);
	if (rc == 0 && other.name[0] != '\0' && !younger && other.look.hash == 0)
		file_remove_file(f, other.name);
	if (rc == 0 && !same && f->loaded && f->env->changed)
		f->env->changed(f->env->self, key);
	return rc;
}

static int enter_damaged(struct file_layer *f, const char *name, const struct file_look *look,
			 const char *what)
{
	file_complain(f, name, what, "treated as a miss, it stays until its key is set");
	return file_remember(f, name, look, KEY_ROOT, NULL, KEY_ROOT);
}

static int read_again(struct file_layer *f, const char *name, int fd, bool whole,
		      struct file_look *look)
{
	struct file_entry entry = { 0 };
	bool young = file_is_young(&look->mtime), same = false;
	int rc = read_entry(fd, whole, look, &entry);

	if (rc == 0)
		rc = find_key(f, name, &entry);
	if (rc == 0 && !may_hold(f, name, key_make(entry.key, entry.key_size)))
		rc = -EINVAL;
	look->young = young && (rc < 0 || entry.foreign);
	if (rc == -EINVAL || rc == -EFBIG) /* else it is read again when it is asked for */
		rc = enter_damaged(f, name, look,
				   rc == -EFBIG ? strerror(EFBIG) : "not an entry, or damaged");
	else if (rc == 0) {
		if (entry.from && !entry.foreign && !f->loaded)
			finish_rename(f, name, &entry);
		if (entry.foreign) {
			same = date_foreign(f, name, look, &entry);
			keep_owner(f, &entry);
		}
		rc = enter(f, name, look, &entry, same);
	}
	file_entry_fini(&entry);
	return rc;
}

static void tell_gone(struct file_layer *f, const char *name)
{
	struct key_buffer buffer;
	struct key key = KEY_ROOT;

	lock_take(&f->lock);
	const struct entry *file = file_known_locked(f, name);
	if (file)
		key = key_keep(&buffer, file_record_key(file));
	lock_release(&f->lock);
	file_forget(f, name);
	if (key.size > 0 && f->env->changed)
		f->env->changed(f->env->self, key);
}

void file_forget_all(struct file_layer *f)
{
	char name[FILE_NAME_SIZE];

	for (;;) {
		lock_take(&f->lock);
		const struct entry *file = f->files.first[0];
		if (file)
			file_record_name(file, name);
		lock_release(&f->lock);
		if (!file)
			break;
		tell_gone(f, name);
	}
}

/* A symbolic link, a directory, ...: it holds no entry, and is no reason to look again. */
static int enter_no_file(struct file_layer *f, const char *name)
{
	struct file_look look;

	if (file_look_of(f->dir_fd, name, &look) < 0)
		return -errno;
	tell_gone(f, name);
	return enter_damaged(f, name, &look, "not a regular file");
}

/* That there are too few descriptors, or that the disk is bad, says nothing of the file. */
static int reload(struct file_layer *f, const char *name, bool whole)
{
	struct file_look look, known;

	assert(file_may_change(f));
	int fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	int rc = fd < 0 ? -errno : file_look_at(fd, &look);

	if (rc == -ENOENT)
		tell_gone(f, name), rc = 0;
	else if (rc == -ELOOP || rc == -ENXIO || rc == -EISDIR)
		rc = enter_no_file(f, name);
	else if (rc == 0 && (whole || !file_known_look(f, name, &known) || known.young ||
			     !file_looks_same(&look, &known)))
		rc = read_again(f, name, fd, whole, &look);
	if (fd >= 0)
		close(fd);
	if (rc == -EACCES)
		file_forbidden(f, name);
	if (rc < 0 && rc != -EACCES && rc != -EAGAIN)
		atomic_store(&f->unread, true);
	return rc;
}

int file_reload(struct file_layer *f, const char *name)
{
	return reload(f, name, false);
}

int file_read_again(struct file_layer *f, const char *name)
{
	return reload(f, name, true);
}
