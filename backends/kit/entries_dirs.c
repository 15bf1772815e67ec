/* Directories over two stores of entries: see entries_dirs.h. */
#include "kit/entries_dirs.h"

#include <errno.h>
#include <string.h>

enum { CHECK_STEPS = 256 };

struct entry *entries_first_with(const struct entries *s, struct key prefix)
{
	struct entry *e = entries_seek(s, prefix);

	return e && key_begins(e->key, prefix) ? e : NULL;
}

struct entry *entries_first_below(const struct entries *s, struct key dir)
{
	struct key_buffer buffer;

	return entries_first_with(s, marker_key(&buffer, dir));
}

int entries_list_start(struct entries_listing *l, struct key dir, struct key after,
		       bool after_is_dir)
{
	return cursor_start(&l->cursor, dir, after, after_is_dir);
}

/* Adds the child that the entry or marker is or lies in, and moves behind it. */
static int listing_add(struct entries_listing *l, const struct entries *markers,
		       const struct entry *first)
{
	bool is_dir;
	struct key dir;
	struct key name = cursor_pass(&l->cursor, first->key, &is_dir, &dir);
	const struct entry *described = is_dir ? entries_find(markers, dir) : first;

	return children_add(l->batch, name, is_dir, described ? &described->meta : NULL);
}

/* The first at or after the listing's place that is below its directory, or NULL. */
static struct entry *listing_seek(const struct entries_listing *l, const struct entries *s,
				  bool are_markers)
{
	struct entry *e = entries_seek(s, cursor_at(&l->cursor));

	if (e && are_markers && cursor_is_own_marker(&l->cursor, e->key))
		e = entries_next(e);
	return e && key_is_below(e->key, l->cursor.dir) ? e : NULL;
}

int entries_list(struct entries_listing *l, const struct entries *entries,
		 const struct entries *markers, struct instant now, struct entry **expired)
{
	for (;;) {
		struct entry *first = listing_seek(l, entries, false);
		struct entry *marker = listing_seek(l, markers, true);
		if (first && meta_is_expired(&first->meta, now)) {
			*expired = first;
			return -EAGAIN;
		}
		if (!first || (marker && key_compare(marker->key, first->key) < 0))
			first = marker;
		if (!first) {
			l->batch->end = true;
			return 0;
		}
		if (l->batch->count == CHILDREN_MAX)
			return 0;
		int rc = listing_add(l, markers, first);
		if (rc < 0)
			return rc;
	}
}

/* Notes a key below `from` and what it becomes: 0, or -ENAMETOOLONG if that is over the limit. */
static int move_note(struct entries_walk *move, struct key key, size_t limit)
{
	const char *rest = key.bytes + move->from.size; /* from its slash on */
	size_t rest_size = key.size - move->from.size;

	if (move->to.size + rest_size > limit)
		return -ENAMETOOLONG;
	memcpy(move->key.bytes, key.bytes, key.size);
	move->key.size = key.size;
	memcpy(move->moved.bytes, move->to.bytes, move->to.size);
	memcpy(move->moved.bytes + move->to.size, rest, rest_size);
	move->moved.size = move->to.size + rest_size;
	return 0;
}

int entries_move_next(const struct entries *s, struct entries_walk *move, size_t limit)
{
	struct entry *e = entries_seek(s, key_make(move->key.bytes, move->key.size));

	return e && key_is_below(e->key, move->from) ? move_note(move, e->key, limit) : -ENOENT;
}

int entries_check_move(struct entries_walk *move, const struct entries *entries,
		       const struct entries *markers)
{
	if (move->to.size <= move->from.size)
		return 0;
	if (move->key.size == 0)
		marker_key(&move->key, move->from);
	for (int i = 0; i < CHECK_STEPS; i++) {
		int rc = move->in_markers ? entries_move_next(markers, move, KEY_MAX + 1)
					  : entries_move_next(entries, move, KEY_MAX);
		if (rc == 0) {
			move->key.bytes[move->key.size++] =
				'\0'; /* the key that follows this one */
		} else if (rc == -ENOENT && !move->in_markers) {
			move->in_markers = true;
			marker_key(&move->key, move->from);
		} else {
			return rc == -ENOENT ? 0 : rc;
		}
	}
	return -EAGAIN;
}
