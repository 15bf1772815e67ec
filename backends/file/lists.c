/* The files of a file layer that are no entries. See file/lists.h. */
#include "file/lists.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/marker.h"
#include "file/entry_read.h"
#include "file/entry_write.h"
#include "base/json_text.h"
#include "file/name.h"
#include "file/read.h"
#include "file/turn.h"
#include "file/write.h"
#include "base/log.h"

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
	int rc = file_entry_write(key, NULL, NULL, meta, NULL, &one, &size);

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

/* Under its name, if all could be added (rc); frees it. How the file looks then comes out. */
static int list_store(struct file_layer *f, const char *name, struct list *list, int rc,
		      struct file_look *look)
{
	if (rc == 0 && list->size > 0)
		memcpy(list->text + list->size, "]\n", 2);
	if (rc == 0)
		rc = file_write(f, name, list->size > 0 ? list->text : "[]\n",
				list->size > 0 ? list->size + 2 : 3, look);
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
	if (!json_skip_value(t) || t->at == t->end || *t->at != '\n')
		return false;
	t->at++; /* with the end of line that closes an entry's text */
	if (file_entry_read(start, (size_t)(t->at - start), false, &entry) < 0)
		return false;
	bool good = entry.key && !entry.foreign &&
		    add(f, self, key_make(entry.key, entry.key_size), &entry.meta);
	file_entry_fini(&entry);
	return good;
}

/* 0, -ENOENT: there is no such list; -EINVAL: it is damaged, what comes before that was added. Not
 * loaded if it looks as it did (known, may be NULL): -EALREADY; else how it looks comes out. */
static int list_load(struct file_layer *f, const char *name,
		     bool (*add)(struct file_layer *f, void *self, struct key key,
				 const struct meta *meta),
		     void *self, struct file_look *known)
{
	struct file_look look;
	char *text = NULL;
	int fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	int rc = file_look_at(fd, &look);
	if (rc == 0 && known && file_looks_same(&look, known))
		rc = -EALREADY;
	if (rc == 0)
		rc = file_text(fd, look.size, &text);
	close(fd);
	if (rc < 0)
		return rc;
	if (known)
		*known = look;
	struct json_text t = { text, text + look.size, JSON_STRICT };
	bool good = json_skip_char(&t, '[');
	while (good && !json_skip_char(&t, ']'))
		good = list_read_one(f, &t, add, self) && (json_skip_char(&t, ',') || true);
	free(text);
	return good ? 0 : -EINVAL;
}

/* --- markers ---------------------------------------------------------------------------------- */

static void note_markers_look(struct file_layer *f, const struct file_look *look)
{
	lock_take(&f->lock);
	f->markers_look = *look;
	lock_release(&f->lock);
}

int file_markers_store(struct file_layer *f)
{
	struct list list = { 0 };
	struct file_look look;
	int rc = 0;

	/* Only changes touch the markers, and this is one: the walk needs no lock. */
	assert(file_may_change(f));
	for (const struct entry *e = f->markers.first[0]; e && rc == 0; e = entries_next(e))
		rc = list_add(&list, e->key, &e->meta);
	rc = list_store(f, markers_name, &list, rc, &look);
	if (rc == 0)
		note_markers_look(f, &look);
	return rc;
}

static bool add_marker(struct file_layer *f, void *self, struct key key, const struct meta *meta)
{
	struct entries *markers = self;

	(void)f;
	if (!marker_key_is_valid(key))
		return false;
	struct entry *e = entry_new(key, NULL, meta);
	if (!e || !entries_reserve(markers)) {
		entry_free(e);
		return false;
	}
	struct entry *old = entries_find(markers, key);
	if (old)
		entries_take(markers, old);
	entry_free(old);
	entries_put(markers, e);
	return true;
}

int file_markers_refresh(struct file_layer *f)
{
	struct entries markers;
	struct file_look look = f->markers_look; /* only changes write it, and this is one */

	assert(file_may_change(f));
	if (entries_init(&markers, &entries_keep) < 0)
		return -ENOMEM;
	int rc = list_load(f, markers_name, add_marker, &markers, &look);
	if (rc == -EINVAL)
		file_complain(f, markers_name, "damaged", "some directories may be missing");
	if (rc == 0 || rc == -EINVAL)
		note_markers_look(f, &look);
	if (rc == 0 || (rc == -EINVAL && !f->loaded)) {
		lock_take(&f->lock);
		struct entries old = f->markers;
		f->markers = markers;
		lock_release(&f->lock);
		markers = old;
	}
	entries_fini(&markers);
	if (rc == -ENOENT || rc == -EALREADY || rc == -EINVAL)
		return 0;
	if (rc < 0)
		atomic_store(&f->unread, true);
	return rc;
}

bool file_is_markers(const char *name)
{
	return strcmp(name, markers_name) == 0;
}

bool file_markers_are_news(struct file_layer *f)
{
	struct file_look now, known;

	lock_take(&f->lock);
	known = f->markers_look;
	lock_release(&f->lock);
	return file_look_of(f->dir_fd, markers_name, &now) < 0 || !file_looks_same(&now, &known);
}

/* --- hits ------------------------------------------------------------------------------------- */

void file_hits_store(struct file_layer *f)
{
	struct list list = { 0 };
	struct file_look look;
	int rc = 0;

	assert(atomic_load(&f->stopping)); /* nobody else is about */
	if (!f->loaded)
		return;
	for (const struct entry *e = f->entries.first[0]; e && rc == 0; e = entries_next(e))
		if (e->lost)
			rc = list_add(&list, e->key, &e->meta);
	if (rc == 0 && list.size == 0) {
		list_remove(f, hits_name);
		return;
	}
	if (list_store(f, hits_name, &list, rc, &look) < 0)
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
	list_load(f, hits_name, add_hits, NULL, NULL);
}

/* --- the rename of a directory ---------------------------------------------------------------- */

int file_move_note(struct file_layer *f, struct key from, struct key to)
{
	const struct meta nothing = { 0 };
	struct key_buffer buffer;
	struct list list = { 0 };
	struct file_look look;
	int rc = list_add(&list, marker_key(&buffer, from), &nothing);

	if (rc == 0)
		rc = list_add(&list, marker_key(&buffer, to), &nothing);
	return list_store(f, move_name, &list, rc, &look);
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
	if (ends->count == 2 || key.size == 0 || !marker_key_is_valid(key))
		return false;
	struct key_buffer *to = ends->keys[ends->count++];
	key_keep(to, key_make(key.bytes, key.size - 1));
	return true;
}

bool file_move_read(struct file_layer *f, struct key_buffer *from, struct key_buffer *to)
{
	struct ends ends = { .keys = { from, to } };
	int rc = list_load(f, move_name, add_end, &ends, NULL);

	/* Nothing moves into itself: that would never be over. */
	if (rc == 0 && ends.count == 2) {
		struct key a = key_kept(from), b = key_kept(to);
		rc = key_equal(a, b) || key_is_below(a, b) || key_is_below(b, a) ? -EINVAL : 0;
	}
	if (rc == -EINVAL)
		file_complain(f, move_name, "damaged", "a directory may be renamed in part");
	return rc == 0 && ends.count == 2;
}
