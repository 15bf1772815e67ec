/* Directories over two stores of entries. See entries_dirs.h. */
#include "kit/entries_dirs.h"

#include <assert.h>
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

/* --- listing ---------------------------------------------------------------------------------- */

static int stream_seek(struct child_stream *stream, struct key at, bool is_near)
{
	struct entries_stream *s = (struct entries_stream *)stream;

	s->at = is_near ? entries_next(s->at) : entries_seek(s->store, at);
	if (!s->at)
		return -ENOENT;
	if (!stream->is_marker && meta_is_expired(&s->at->meta, s->listing->now)) {
		s->listing->expired = s->at;
		return -EAGAIN;
	}
	stream->key = s->at->key;
	return 0;
}

static int stream_describe(struct child_stream *stream, struct child *child)
{
	meta_copy(&child->meta, &((struct entries_stream *)stream)->at->meta);
	return 0;
}

static struct entries_stream stream_of(struct entries_listing *l, const struct entries *store,
				       bool are_markers)
{
	return (struct entries_stream){ .stream = { .seek = stream_seek,
						    .describe = stream_describe,
						    .is_marker = are_markers },
					.listing = l,
					.store = store };
}

int entries_list_start(struct entries_listing *l, const struct entries *entries,
		       const struct entries *markers, struct key dir, struct key after,
		       bool after_is_dir)
{
	*l = (struct entries_listing){ .merge = { .streams = l->streams, .count = 2 } };
	l->entries = stream_of(l, entries, false);
	l->markers = stream_of(l, markers, true);
	l->streams[0] = &l->entries.stream;
	l->streams[1] = &l->markers.stream;
	return child_merge_start(&l->merge, dir, after, after_is_dir);
}

int entries_list(struct entries_listing *l, struct instant now, struct children *batch)
{
	l->now = now;
	return child_merge_run(&l->merge, batch);
}

/* --- renames ---------------------------------------------------------------------------------- */

/* Notes a key below `from` and what it becomes: 0, or -ENAMETOOLONG if that is over the limit. */
static int move_note(struct entries_walk *move, struct key key, size_t limit)
{
	int rc = key_moved(&move->moved, key, move->from, move->to, limit);

	assert(key_is_below(key, move->from));
	if (rc == 0)
		key_keep(&move->key, key);
	return rc;
}

int entries_move_next(const struct entries *s, struct entries_walk *move, size_t limit)
{
	struct entry *e = entries_seek(s, key_kept(&move->key));

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
