/* Operations on one key of a file layer. See file/keys.h. */
#include "file/keys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "file/evict.h"
#include "file/find.h"
#include "file/index.h"
#include "file/read.h"
#include "file/turn.h"
#include "file/write.h"

enum { READ_TRIES = 64 }; /* a file may change between where it is and what it says */

/* A value is written and read as a whole, on the heap. */
#define VALUE_MAX ((uint64_t)256 * 1024 * 1024)

/* --- reading ---------------------------------------------------------------------------------- */

int file_stat(void *state, struct key key, struct meta *meta)
{
	struct file_layer *f = state;
	struct file_place place;

	int rc = file_wait_loaded(f);
	if (rc == 0)
		rc = file_find(f, key, &place);
	if (rc == 0)
		*meta = place.meta;
	return rc;
}

int file_revalidate(void *state, struct key key, const struct meta *copy)
{
	struct meta meta;
	int rc = file_stat(state, key, &meta);

	if (rc < 0)
		return rc;
	bool same = meta_is_copy(copy, &meta);
	meta_fini(&meta);
	return same ? 0 : -ESTALE;
}

static int try_peek(struct file_layer *f, struct key key, struct value **value,
		    struct file_place *place)
{
	int fd = file_find_open(f, key, place);

	if (fd < 0)
		return fd;
	int rc = file_value_at(place, fd, value, NULL);
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

int file_peek(void *state, struct key key, struct value **value, struct meta *meta)
{
	struct file_layer *f = state;
	struct file_place place;
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

void file_note_hit(void *state, struct key key)
{
	struct file_layer *f = state;
	int64_t now_ms = time_wall_ms(f->env->time);

	lock_take(&f->lock);
	struct entry *e = entries_find(&f->entries, key);
	if (e) {
		e->meta.hits++;
		e->meta.hit_ms = now_ms;
		e->lost = true; /* with a kill -9: see file/lists.h */
	}
	lock_release(&f->lock);
}

int file_get(void *state, struct key key, struct value **value, struct meta *meta)
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

/* --- changes ---------------------------------------------------------------------------------- */

/* The name for a key that has no file. */
static void choose_name(struct file_layer *f, struct key key, char name[FILE_NAME_SIZE])
{
	char plain[FILE_NAME_SIZE], hashed[FILE_NAME_SIZE];
	bool taken = true;

	if (file_names(f->conf, key, plain, hashed)) {
		file_reload(f, plain); /* whose is it? */
		lock_take(&f->lock);
		struct entry *file = file_known_locked(f, plain);
		taken = file && file_record_key(file).size > 0 &&
			!key_equal(file_record_key(file), key);
		lock_release(&f->lock);
	}
	memcpy(name, taken ? hashed : plain, FILE_NAME_SIZE);
}

static int set_changing(struct file_layer *f, struct key key, struct value *value,
			const struct meta *meta)
{
	struct file_place place;
	/* What cannot be read is no more when it has been written over. */
	bool found = file_find_current(f, key, &place) == 0;
	int rc = 0;

	if (place.name[0] == '\0')
		choose_name(f, key, place.name);
	if (!found)
		rc = file_make_room(f, 1);
	if (rc == 0)
		rc = file_store(f, place.name, key, value, meta, NULL);
	file_keep_free(f, key);
	meta_fini(&place.meta);
	return rc;
}

int file_set(void *state, struct key key, struct value *value, const struct meta *meta)
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

int file_foresee(void *state, struct key key, uint64_t size)
{
	(void)key;
	if (size > VALUE_MAX)
		return -EFBIG;
	return file_may_fit(state, size) ? 0 : -ENOSPC;
}

/* Its age, and so its turn to be evicted, stays, unless it is used. */
static int touch_changing(struct file_layer *f, struct key key, const struct meta *meta,
			  unsigned fields)
{
	struct file_place place;
	struct value *value;
	struct file_origin was;
	int rc = file_find_whole(f, key, &place, &value, &was);

	if (rc < 0)
		return rc;
	meta_update(&place.meta, meta, fields);
	rc = file_store(f, place.name, key, value, &place.meta, fields & META_USED ? NULL : &was);
	meta_fini(&place.meta);
	value_unref(value);
	return rc;
}

int file_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	int rc = file_change_begin(state);

	if (rc < 0)
		return rc;
	rc = touch_changing(state, key, meta, fields);
	file_change_end(state);
	return rc;
}

int file_remove(void *state, struct key key)
{
	struct file_layer *f = state;
	struct file_place place;
	int rc = file_change_begin(f);

	if (rc < 0)
		return rc;
	rc = file_find_current(f, key, &place);
	if (rc == 0)
		rc = file_drop(f, key, FILE_REMOVED);
	meta_fini(&place.meta);
	file_change_end(f);
	return rc;
}

int file_rename_within(struct file_layer *f, struct key from, struct key to)
{
	struct file_place place, target;
	struct value *value;
	struct file_origin was;
	int rc = file_find_whole(f, from, &place, &value, &was);

	if (rc < 0)
		return rc;
	if (!key_equal(from, to)) {
		file_find_current(f, to, &target);
		meta_fini(&target.meta);
		if (target.name[0] == '\0')
			choose_name(f, to, target.name);
		was.renames++;
		rc = file_store(f, target.name, to, value, &place.meta, &was);
		if (rc == 0)
			rc = file_remove_files(f, from, place.name);
	}
	meta_fini(&place.meta);
	value_unref(value);
	return rc;
}

int file_rename(void *state, struct key from, struct key to)
{
	int rc = file_change_begin(state);

	if (rc < 0)
		return rc;
	rc = file_rename_within(state, from, to);
	file_change_end(state);
	return rc;
}
