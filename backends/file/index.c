/* The index of a file layer's files. See file/index.h. */
#include "file/index.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/turn.h"

/* --- what it says of a file ------------------------------------------------------------------- */

/* Of a file: its look, then the bytes of its key (none: it is damaged). */
static struct value *record_new(const struct file_look *look, struct key key)
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

void file_record_name(const struct entry *file, char name[FILE_NAME_SIZE])
{
	assert(file->key.size < FILE_NAME_SIZE);
	memcpy(name, file->key.bytes, file->key.size);
	name[file->key.size] = '\0';
}

struct entry *file_known_locked(struct file_layer *f, const char *name)
{
	assert(lock_is_held(&f->lock));
	return entries_find(&f->files, key_of(name));
}

/* The name of the file that the entry is in. */
static struct key name_of(const struct entry *e)
{
	return key_make(value_bytes(e->value), (size_t)value_size(e->value));
}

struct entry *file_of_key_locked(struct file_layer *f, struct key key)
{
	assert(lock_is_held(&f->lock));
	struct entry *e = key.size > 0 ? entries_find(&f->entries, key) : NULL;
	struct entry *file = e ? entries_find(&f->files, name_of(e)) : NULL;
	assert(!e || (file && key_equal(file_record_key(file), key)));
	return file;
}

bool file_known_look(struct file_layer *f, const char *name, struct file_look *look)
{
	lock_take(&f->lock);
	const struct entry *file = file_known_locked(f, name);
	if (file)
		*look = file_record_look(file);
	lock_release(&f->lock);
	return file != NULL;
}

bool file_is_as_known(struct file_layer *f, const char *name, bool fresh)
{
	struct file_look known, now;
	bool was = file_known_look(f, name, &known);
	bool is = file_look_of(f->dir_fd, name, &now) == 0;

	return was && is ? file_looks_same(&known, &now) && (fresh || !known.young) : was == is;
}

bool file_holds(struct file_layer *f, const char *name, struct key key)
{
	lock_take(&f->lock);
	const struct entry *file = file_known_locked(f, name);
	bool held = file && key_equal(file_record_key(file), key);
	lock_release(&f->lock);
	return held;
}

/* --- changes ---------------------------------------------------------------------------------- */

/* Takes e out, to be freed when the lock has been released. */
static void take_locked(struct entries *s, struct entry *e, struct entry **dead)
{
	entries_take(s, e);
	e->link = *dead;
	*dead = e;
}

static void free_all(struct entry *dead)
{
	while (dead) {
		struct entry *next = dead->link;
		entry_free(dead);
		dead = next;
	}
}

/* Whether the index may be written, and is one: each entry is in a file that is known. */
static bool is_sound_locked(const struct file_layer *f)
{
	return lock_is_held(&f->lock) && file_may_change(f) && f->entries.count <= f->files.count;
}

/* Forgets a file, and the entry that it holds, if that is not to be kept. */
static void forget_locked(struct file_layer *f, const char *name, const struct entry *kept,
			  struct entry **dead)
{
	struct entry *file = file_known_locked(f, name);

	if (!file)
		return;
	uint64_t size = file_record_look(file).size;
	assert(f->bytes >= size);
	f->bytes -= size;
	struct key key = file_record_key(file);
	struct entry *e = key.size > 0 ? entries_find(&f->entries, key) : NULL;
	if (e && e != kept && key_equal(name_of(e), key_of(name)))
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
	struct value *record = record_new(look, key), *file = value_copy(name, strlen(name));
	struct entry *by_name = record ? entry_new(key_of(name), record, NULL) : NULL;
	struct entry *by_key = file && meta ? entry_new(key, file, meta) : NULL;
	struct entry *dead = NULL;
	int rc = -ENOMEM;

	lock_take(&f->lock);
	if (by_name && (by_key || !meta) && entries_reserve(&f->files) &&
	    entries_reserve(&f->entries)) {
		struct entry *old = aged.size > 0 ? entries_find(&f->entries, aged) : NULL;
		forget_locked(f, name, old, &dead);
		entries_put(&f->files, by_name);
		if (by_key)
			enter_locked(f, by_key, old, &dead);
		f->bytes += look->size;
		f->life++;
		by_name = by_key = NULL;
		assert(is_sound_locked(f));
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
	assert(is_sound_locked(f));
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
