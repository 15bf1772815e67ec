/*
 * The files of a file layer that are no entries: a list each, of entries without a value
 * (file_entry.h).
 *
 *   .cachefs-directories   the markers of directories
 *   .cachefs-hits          metadata of entries got since their files were written; at the end of a
 *                          run alone, for a get costs no write: a kill -9 loses its hits
 *   .cachefs-rename        the rename of a directory that has begun: from, to
 *
 * See file_store.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cursor.h"
#include "file_store.h"
#include "json_text.h"
#include "log.h"

static const char markers_name[] = FILE_OURS "directories";
static const char hits_name[] = FILE_OURS "hits";
static const char move_name[] = FILE_OURS "rename";

/* --- lists ------------------------------------------------------------------------------------ */

struct list {
	char *text;
	size_t size;
};

static int list_add(struct list *list, struct key key, const struct meta *meta)
{
	size_t size;
	char *one;
	int rc = file_entry_write(key, NULL, NULL, meta, &one, &size);

	if (rc < 0)
		return rc;
	char *grown = realloc(list->text, list->size + size + 4);
	if (grown) {
		list->text = grown;
		memcpy(grown + list->size, list->size == 0 ? "[\n" : ",\n", 2);
		memcpy(grown + list->size + 2, one, size);
		list->size += size + 2;
	}
	free(one);
	return grown ? 0 : -ENOMEM;
}

/* Under its name, if all could be added (rc); frees it. */
static int list_store(struct file_layer *f, const char *name, struct list *list, int rc)
{
	struct file_look look;

	if (rc == 0 && list->size > 0)
		memcpy(list->text + list->size, "]\n", 2);
	if (rc == 0)
		rc = file_write(f, name, list->size > 0 ? list->text : "[]\n",
				list->size > 0 ? list->size + 2 : 3, NULL, &look);
	free(list->text);
	return rc;
}

static void list_remove(struct file_layer *f, const char *name)
{
	if (unlinkat(f->dir_fd, name, 0) == 0)
		unsynced_note(&f->unsynced, name);
}

/* One item; add() says whether it is good. */
static bool list_read_one(struct file_layer *f, struct json_text *t,
			  bool (*add)(struct file_layer *f, void *self, struct key key,
				      const struct meta *meta),
			  void *self)
{
	struct file_entry entry;

	json_skip_space(t);
	const char *start = t->at;
	if (!json_skip_value(t, JSON_STRICT) || t->at == t->end || *t->at != '\n')
		return false;
	t->at++; /* with the end of line that closes an entry's text */
	if (file_entry_read(start, (size_t)(t->at - start), false, &entry) < 0)
		return false;
	bool good = entry.key && !entry.foreign &&
		    add(f, self, key_make(entry.key, entry.key_size), &entry.meta);
	file_entry_fini(&entry);
	return good;
}

/* 0, -ENOENT: there is no such list; -EINVAL: it is damaged, what comes before that was added. */
static int list_load(struct file_layer *f, const char *name,
		     bool (*add)(struct file_layer *f, void *self, struct key key,
				 const struct meta *meta),
		     void *self)
{
	struct file_look look;
	char *text = NULL;
	int fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	int rc = file_look_at(fd, &look);
	if (rc == 0)
		rc = file_text(fd, look.size, &text);
	close(fd);
	if (rc < 0)
		return rc;
	struct json_text t = { text, text + look.size };
	bool good = json_skip_char(&t, '[');
	while (good && !json_skip_char(&t, ']'))
		good = list_read_one(f, &t, add, self) && (json_skip_char(&t, ',') || true);
	free(text);
	return good ? 0 : -EINVAL;
}

/* --- markers ---------------------------------------------------------------------------------- */

int file_markers_store(struct file_layer *f)
{
	struct list list = { 0 };
	int rc = 0;

	/* Only changes touch the markers, and this is one: the walk needs no lock. */
	for (const struct entry *e = f->markers.first[0]; e && rc == 0; e = entries_next(e))
		rc = list_add(&list, e->key, &e->meta);
	return list_store(f, markers_name, &list, rc);
}

static bool add_marker(struct file_layer *f, void *self, struct key key, const struct meta *meta)
{
	struct entry *e = entry_new(key, NULL, meta);

	(void)self;
	if (!e || !entries_reserve(&f->markers)) {
		entry_free(e);
		return false;
	}
	lock_take(&f->lock);
	struct entry *old = entries_find(&f->markers, key);
	if (old)
		entries_take(&f->markers, old);
	entries_put(&f->markers, e);
	lock_release(&f->lock);
	entry_free(old);
	return true;
}

void file_markers_load(struct file_layer *f)
{
	if (list_load(f, markers_name, add_marker, NULL) == -EINVAL)
		file_complain(f, markers_name, "damaged; some directories may be missing");
}

/* --- hits ------------------------------------------------------------------------------------- */

void file_hits_store(struct file_layer *f)
{
	struct list list = { 0 };
	int rc = 0;

	/* The layer is being closed: nobody else is about. */
	if (!f->loaded)
		return;
	for (const struct entry *e = f->entries.first[0]; e && rc == 0; e = entries_next(e))
		if (e->lost)
			rc = list_add(&list, e->key, &e->meta);
	if (rc == 0 && list.size == 0) {
		list_remove(f, hits_name);
		return;
	}
	if (list_store(f, hits_name, &list, rc) < 0)
		log_warning("file: layer \"%s\": the last hits could not be written down",
			    f->env->layer_name);
}

static bool add_hits(struct file_layer *f, void *self, struct key key, const struct meta *meta)
{
	(void)self;
	lock_take(&f->lock);
	struct entry *e = entries_find(&f->entries, key);
	if (e && meta_same_value(&e->meta, meta) && meta->hits > e->meta.hits) {
		e->meta.hits = meta->hits;
		e->meta.hit_ms = meta->hit_ms;
		e->lost = true;
	}
	lock_release(&f->lock);
	return true;
}

void file_hits_load(struct file_layer *f)
{
	list_load(f, hits_name, add_hits, NULL);
}

/* --- the rename of a directory ---------------------------------------------------------------- */

int file_move_note(struct file_layer *f, struct key from, struct key to)
{
	const struct meta nothing = { 0 };
	struct key_buffer buffer;
	struct list list = { 0 };
	int rc = list_add(&list, marker_key(&buffer, from), &nothing);

	if (rc == 0)
		rc = list_add(&list, marker_key(&buffer, to), &nothing);
	return list_store(f, move_name, &list, rc);
}

int file_move_over(struct file_layer *f)
{
	if (unlinkat(f->dir_fd, move_name, 0) < 0 && errno != ENOENT)
		return -errno;
	unsynced_note(&f->unsynced, move_name);
	return 0;
}

struct ends {
	struct key_buffer *keys[2];
	size_t count;
};

static bool add_end(struct file_layer *f, void *self, struct key key, const struct meta *meta)
{
	struct ends *ends = self;

	(void)f;
	(void)meta;
	if (ends->count == 2 || key.size < 2 || key.size > KEY_MAX + 1)
		return false;
	struct key_buffer *to = ends->keys[ends->count++];
	to->size = key.size - 1;
	memcpy(to->bytes, key.bytes, to->size);
	return true;
}

bool file_move_read(struct file_layer *f, struct key_buffer *from, struct key_buffer *to)
{
	struct ends ends = { .keys = { from, to } };
	int rc = list_load(f, move_name, add_end, &ends);

	if (rc == -EINVAL)
		file_complain(f, move_name, "damaged; a directory may be renamed in part");
	return rc == 0 && ends.count == 2;
}
