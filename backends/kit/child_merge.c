/* The ordered merge of entries and markers. See child_merge.h. */
#include "kit/child_merge.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "kit/marker.h"

/* Moves the place behind what begins with the first bytes of key: '0' skips all below a directory
 * of that name, NUL the key itself. */
static void pass(struct key_buffer *at, struct key key, size_t size, char next)
{
	assert(size < sizeof(at->bytes));
	memmove(at->bytes, key.bytes, size);
	at->bytes[size] = next;
	at->size = size + 1;
}

int child_merge_start(struct child_merge *m, struct key dir, struct key after, bool after_is_dir)
{
	m->dir = dir;
	if (after.size == 0 && !after_is_dir) {
		marker_key(&m->at, dir);
		return 0;
	}
	int rc = key_join(&m->at, dir, after);
	if (rc == 0)
		pass(&m->at, key_kept(&m->at), m->at.size, after_is_dir ? '0' : '\0');
	return rc;
}

/* --- streams ---------------------------------------------------------------------------------- */

/* Whether the stream's key, below the directory or its own marker's, is or lies in a child. That
 * marker sorts where the child with the empty name does. */
static bool is_in_child(const struct child_merge *m, const struct child_stream *s)
{
	bool is_dir = false;

	if (!s->is_marker)
		return true;
	if (s->key.size > 0)
		key_child(s->key, m->dir, &is_dir);
	return is_dir;
}

static int stream_seek(const struct child_merge *m, struct child_stream *s)
{
	struct key at = key_kept(&m->at);
	bool is_near = s->state == STREAM_PASSED;
	struct key_buffer next;

	for (;;) {
		s->state = STREAM_ASTRAY;
		int rc = s->seek(s, at, is_near);
		if (rc < 0 && rc != -ENOENT)
			return rc;
		if (rc == 0 && key_compare(s->key, at) < 0)
			return -EUCLEAN;
		bool is_own_marker = rc == 0 && s->is_marker && s->key.size == 0;
		if (rc < 0 || (!is_own_marker && !key_is_below(s->key, m->dir))) {
			s->state = STREAM_OVER;
			return 0;
		}
		if (is_in_child(m, s)) {
			s->state = STREAM_STANDS;
			return 0;
		}
		pass(&next, s->key, s->key.size, '\0');
		at = key_kept(&next);
		is_near = true;
	}
}

/* The stream that stands at the next child; NULL: none is left. */
static int find_first(const struct child_merge *m, struct child_stream **first)
{
	*first = NULL;
	for (size_t i = 0; i < m->count; i++) {
		struct child_stream *s = m->streams[i];
		int rc = s->state < STREAM_STANDS ? stream_seek(m, s) : 0;
		if (rc < 0)
			return rc;
		if (s->state == STREAM_STANDS &&
		    (!*first || key_compare(s->key, (*first)->key) < 0))
			*first = s;
	}
	return 0;
}

/* The stream that stands at this marker, or NULL. */
static struct child_stream *find_marker(const struct child_merge *m, struct key marker)
{
	for (size_t i = 0; i < m->count; i++) {
		struct child_stream *s = m->streams[i];
		if (s->state == STREAM_STANDS && s->is_marker && key_equal(s->key, marker))
			return s;
	}
	return NULL;
}

/* --- the merge -------------------------------------------------------------------------------- */

static int add(struct child_stream *described, struct children *batch, struct key name, bool is_dir)
{
	struct child child = { .name = name, .is_dir = is_dir };
	int rc = described ? described->describe(described, &child) : 0;

	if (rc == -EBADMSG)
		return 0;
	if (rc == 0)
		rc = children_add(batch, name, is_dir, &child.meta);
	if (rc == 0)
		batch->items[batch->count - 1].vague = child.vague;
	meta_fini(&child.meta);
	return rc;
}

/* Adds the child that the first key is or lies in, and passes it. */
static int take(struct child_merge *m, struct child_stream *first, struct children *batch)
{
	bool is_dir;
	struct key key = first->key, name = key_child(key, m->dir, &is_dir);
	size_t size = (size_t)(name.bytes + name.size - key.bytes);
	struct key marker = key_make(key.bytes, size + 1);
	int rc = add(is_dir ? find_marker(m, marker) : first, batch, name, is_dir);

	if (rc < 0)
		return rc;
	pass(&m->at, key, size, is_dir ? '0' : '\0');
	assert(key_compare(first->key, key_kept(&m->at)) < 0);
	for (size_t i = 0; i < m->count; i++) {
		struct child_stream *s = m->streams[i];
		if (s->state == STREAM_STANDS && key_compare(s->key, key_kept(&m->at)) < 0)
			s->state = is_dir ? STREAM_ASTRAY : STREAM_PASSED;
	}
	return 0;
}

int child_merge_run(struct child_merge *m, struct children *batch)
{
	struct child_stream *first;

	for (size_t i = 0; i < m->count; i++) /* it may have been sought for something else */
		m->streams[i]->state = STREAM_ASTRAY;
	for (;;) {
		int rc = find_first(m, &first);
		batch->end = rc == 0 && !first;
		if (rc < 0 || !first || batch->count == CHILDREN_MAX)
			return rc;
		rc = take(m, first, batch);
		if (rc < 0)
			return rc;
	}
}
