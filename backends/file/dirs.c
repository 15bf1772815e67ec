/* Directories and prefixes of a file layer. See file/dirs.h. */
#include "file/dirs.h"

#include <errno.h>

#include "kit/entries_dirs.h"
#include "file/evict.h"
#include "file/layer.h"
#include "file/lists.h"
#include "file/turn.h"
#include "file/watch.h"

/* --- prefixes --------------------------------------------------------------------------------- */

/* Takes the markers that begin with the prefix out of the index: a list of them. */
static struct entry *take_markers(struct file_layer *f, struct key prefix)
{
	struct entry *taken = NULL, *e;

	lock_take(&f->lock);
	while ((e = entries_first_with(&f->markers, prefix)) != NULL) {
		entries_take(&f->markers, e);
		e->link = taken;
		taken = e;
	}
	lock_release(&f->lock);
	return taken;
}

/* Puts them back, for there is room for as many, or frees them. */
static void end_markers(struct file_layer *f, struct entry *taken, bool put_back)
{
	while (taken) {
		struct entry *e = taken;
		taken = e->link;
		if (!put_back) {
			entry_free(e);
			continue;
		}
		lock_take(&f->lock);
		entries_put(&f->markers, e);
		lock_release(&f->lock);
	}
}

/* -ENOENT: there are none. */
static int remove_markers(struct file_layer *f, struct key prefix)
{
	struct entry *taken = take_markers(f, prefix);
	int rc = taken ? file_markers_store(f) : -ENOENT;

	end_markers(f, taken, rc < 0);
	return rc;
}

static bool first_key_with(struct file_layer *f, struct key prefix, struct key_buffer *key)
{
	lock_take(&f->lock);
	struct entry *e = entries_first_with(&f->entries, prefix);
	if (e)
		key_keep(key, e->key);
	lock_release(&f->lock);
	return e != NULL;
}

static int remove_changing(struct file_layer *f, struct key prefix)
{
	struct key_buffer key;
	struct file_step step = { 0 };
	bool found = false;
	int rc = file_markers_refresh(f);

	while (rc == 0 && first_key_with(f, prefix, &key)) {
		rc = file_drop(f, key_kept(&key), FILE_REMOVED);
		found = true;
		file_change_step(f, &step);
	}
	if (rc == 0)
		rc = remove_markers(f, prefix);
	return rc == -ENOENT && found ? 0 : rc;
}

int file_remove_prefix(void *state, struct key prefix)
{
	struct file_layer *f = state;

	file_watch_catch_up(f); /* what other programs have made just now goes too */
	int rc = file_change_begin(f);
	if (rc < 0)
		return rc;
	file_expire(f);
	rc = remove_changing(f, prefix);
	file_change_end(f);
	return rc;
}

/* --- directories ------------------------------------------------------------------------------ */

static int purge_expired(struct file_layer *f)
{
	int rc = file_change_begin(f);

	if (rc < 0)
		return rc;
	file_expire(f);
	file_change_end(f);
	return 0;
}

int file_list(void *state, struct key dir, struct key after, bool after_is_dir,
	      struct children *batch)
{
	struct file_layer *f = state;
	struct entries_listing l;
	int rc = file_wait_loaded(f);

	if (rc == 0)
		rc = entries_list_start(&l, &f->entries, &f->markers, dir, after, after_is_dir);
	while (rc == 0) {
		struct instant now = time_instant(f->env->time);
		lock_take(&f->lock);
		rc = entries_list(&l, now, batch);
		lock_release(&f->lock);
		if (rc != -EAGAIN)
			break;
		rc = purge_expired(f);
	}
	return rc;
}

int file_dir_stat(void *state, struct key dir, struct meta *meta)
{
	struct file_layer *f = state;
	struct key_buffer buffer;
	int rc = file_wait_loaded(f);

	while (rc == 0) {
		struct instant now = time_instant(f->env->time);
		bool expired = false;
		*meta = (struct meta){ 0 };
		lock_take(&f->lock);
		struct entry *marker = entries_find(&f->markers, marker_key(&buffer, dir));
		struct entry *first = entries_first_below(&f->entries, dir);
		if (marker)
			meta_copy(meta, &marker->meta);
		else if (!entries_first_below(&f->markers, dir)) {
			expired = first && meta_is_expired(&first->meta, now);
			rc = first ? 0 : -ENOENT;
		}
		lock_release(&f->lock);
		if (!expired)
			break;
		rc = purge_expired(f);
	}
	return rc;
}

/* Exchanges the marker of this key for another one, either may be NULL: the one that was there. */
static struct entry *swap_marker(struct file_layer *f, struct key key, struct entry *e)
{
	lock_take(&f->lock);
	struct entry *old = entries_find(&f->markers, key);
	if (old)
		entries_take(&f->markers, old);
	if (e)
		entries_put(&f->markers, e);
	lock_release(&f->lock);
	return old;
}

static bool reserve_marker(struct file_layer *f)
{
	lock_take(&f->lock);
	bool room = entries_reserve(&f->markers);
	lock_release(&f->lock);
	return room;
}

/* Puts `e` in the place of the marker with its key, or (NULL) takes that out. */
static int change_marker(struct file_layer *f, struct key dir, struct entry *e)
{
	struct key_buffer buffer;
	struct key key = marker_key(&buffer, dir);
	struct entry *over = e;
	int rc = file_change_begin(f);

	if (rc < 0) {
		entry_free(e);
		return rc;
	}
	rc = file_markers_refresh(f);
	if (rc == 0)
		rc = reserve_marker(f) ? 0 : -ENOMEM;
	if (rc == 0) {
		over = swap_marker(f, key, e);
		rc = e || over ? file_markers_store(f) : -ENOENT;
		if (rc < 0)
			over = swap_marker(f, key, over);
	}
	entry_free(over);
	file_change_end(f);
	return rc;
}

int file_dir_set(void *state, struct key dir, const struct meta *meta)
{
	struct key_buffer buffer;
	struct entry *e = entry_new(marker_key(&buffer, dir), NULL, meta);

	return e ? change_marker(state, dir, e) : -ENOMEM;
}

int file_dir_remove(void *state, struct key dir)
{
	return change_marker(state, dir, NULL);
}
