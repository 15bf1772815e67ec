/* The rename of a directory in a file layer. See file/move.h. */
#include "file/move.h"

#include <errno.h>
#include <string.h>

#include "kit/entries_dirs.h"
#include "file/evict.h"
#include "file/keys.h"
#include "file/lists.h"
#include "file/turn.h"
#include "base/log.h"

static int move_next(struct file_layer *f, struct entries *s, struct entries_walk *move,
		     size_t limit)
{
	lock_take(&f->lock);
	int rc = entries_move_next(s, move, limit);
	lock_release(&f->lock);
	return rc;
}

static int move_entries(struct file_layer *f, struct entries_walk *move)
{
	struct file_step step = { 0 };
	bool loaded = f->loaded; /* before that nobody has a turn */
	int rc;

	marker_key(&move->key, move->from);
	while ((rc = move_next(f, &f->entries, move, KEY_MAX)) == 0) {
		struct key from = key_kept(&move->key);
		rc = file_rename_within(f, from, key_kept(&move->moved));
		if (rc == -ENOENT) /* damaged: it has no value to move */
			move->key.bytes[move->key.size++] = '\0';
		else if (rc < 0)
			return rc;
		if (loaded)
			file_change_step(f, &step);
	}
	return rc == -ENOENT ? 0 : rc;
}

static int move_markers(struct file_layer *f, struct entries_walk *move)
{
	bool any = false;
	int rc;

	marker_key(&move->key, move->from);
	while ((rc = move_next(f, &f->markers, move, KEY_MAX + 1)) == 0) {
		struct entry *e = entry_new(key_kept(&move->moved), NULL, NULL);
		if (!e)
			return -ENOMEM;
		lock_take(&f->lock);
		struct entry *old = entries_find(&f->markers, key_kept(&move->key));
		struct entry *there = entries_find(&f->markers, e->key);
		if (there)
			entries_take(&f->markers, there);
		entries_move(&f->markers, old, e);
		lock_release(&f->lock);
		entry_free(old);
		entry_free(there);
		any = true;
	}
	return rc != -ENOENT ? rc : any ? file_markers_store(f) : 0;
}

int file_check_rename_prefix(void *state, struct key from, struct key to)
{
	struct file_layer *f = state;
	struct entries_walk move = { .from = from, .to = to };
	int rc;

	do {
		lock_take(&f->lock);
		rc = entries_check_move(&move, &f->entries, &f->markers);
		lock_release(&f->lock);
	} while (rc == -EAGAIN);
	return rc;
}

static bool has_any_below(struct file_layer *f, struct key dir)
{
	lock_take(&f->lock);
	bool any = entries_first_below(&f->entries, dir) || entries_first_below(&f->markers, dir);
	lock_release(&f->lock);
	return any;
}

static int move_all(struct file_layer *f, struct key from, struct key to)
{
	struct entries_walk move = { .from = from, .to = to };
	int rc = move_entries(f, &move);

	return rc < 0 ? rc : move_markers(f, &move);
}

/*
 * The move is written down before it begins. One that fails goes back, and is turned around in the
 * writing first, so that a crash from there on leads back.
 */
static int move_noted(struct file_layer *f, struct key from, struct key to)
{
	int rc = file_move_note(f, from, to);

	if (rc < 0)
		return rc;
	rc = move_all(f, from, to);
	if (rc < 0 && (file_move_note(f, to, from) < 0 || move_all(f, to, from) < 0)) {
		log_error("file: layer \"%s\": the rename of a directory is stuck halfway (%s); it "
			  "goes on with the next rename or start",
			  f->env->layer_name, strerror(-rc));
		return rc;
	}
	int over = file_move_over(f);
	return rc < 0 ? rc : over;
}

int file_move_finish(struct file_layer *f)
{
	struct key_buffer from, to;

	if (!file_move_read(f, &from, &to))
		return 0;
	int rc = move_all(f, key_kept(&from), key_kept(&to));
	if (rc == 0)
		rc = file_move_over(f);
	if (rc == 0)
		log_info("file: layer \"%s\": finished the rename of a directory that had begun "
			 "earlier",
			 f->env->layer_name);
	return rc;
}

static int move_changing(struct file_layer *f, struct key from, struct key to)
{
	file_expire(f);
	int rc = file_markers_refresh(f);
	if (rc == 0)
		rc = file_move_finish(f);
	if (rc == 0)
		rc = file_check_rename_prefix(f, from, to);
	return rc == 0 && has_any_below(f, from) ? move_noted(f, from, to) : rc;
}

int file_rename_prefix(void *state, struct key from, struct key to)
{
	struct file_layer *f = state;

	if (key_equal(from, to))
		return 0;
	int rc = file_move_begin(f);
	if (rc < 0)
		return rc;
	rc = file_change_begin(f);
	if (rc == 0) {
		rc = move_changing(f, from, to);
		file_change_end(f);
	}
	file_move_end(f);
	return rc;
}
