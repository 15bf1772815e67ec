/*
 * Directories of the stack: their markers, and the children of one, a merge of what the layers
 * list. See layered.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "stack.h"
#include "write_back.h"

enum { LIST_TRIES = 16 }; /* of a listing that the teller got in between of */

int layered_dir_stat(struct layered *c, struct key dir, struct meta *meta)
{
	int rc = -ENOENT;

	stack_catch_up(c);
	/* A marker anywhere says more than keys below it in a faster layer; of two the faster
	 * layer's is newer. That of the root may have times alone. */
	for (size_t i = 0; i < c->count + (c->markers != NULL); i++) {
		struct layer *l = i == 0 && c->markers ? c->markers
						       : c->layers[i - (c->markers != NULL)];
		struct meta found = { 0 };
		if (layer_dir_stat(l, dir, &found) < 0)
			continue;
		rc = 0;
		*meta = found;
		if (found.mode != 0 || found.mtime.tv_sec != 0)
			break;
	}
	return rc;
}

int stack_missed_marker(struct layered *c, struct layer *l, struct key dir)
{
	int rc = layer_distrust(l, dir, DISTRUST_MARKER);

	stack_tell_soon(c);
	return rc;
}

static int set_through(struct layered *c, struct key dir, const struct meta *meta)
{
	int failure = 0;
	bool taken = false, failed[STACK_MAX] = { false };

	for (size_t i = 0; i < c->durable_count; i++) {
		if (stack_is_journal(c, c->order[i]))
			continue;
		int rc = layer_dir_set(c->order[i], dir, meta);
		failed[i] = rc < 0;
		taken |= rc == 0;
		if (rc < 0 && failure != -ENOSPC)
			failure = rc;
	}
	for (size_t i = 0; i < c->durable_count && taken; i++)
		if (failed[i])
			stack_missed_marker(c, c->order[i], dir);
	return taken ? 0 : failure == -EHOSTDOWN ? -EIO : failure;
}

static int set_marker(struct layered *c, struct key dir, const struct meta *meta)
{
	if (c->markers)
		return layer_dir_set(c->markers, dir, meta);
	int rc = write_back_dir_set(c, dir, meta);
	return rc == -EFBIG ? set_through(c, dir, meta) : rc; /* no journal, or too small */
}

int layered_dir_set(struct layered *c, struct key dir, const struct meta *meta,
		    const struct layered_hooks *hooks)
{
	struct admission_claim claim = stack_claim(dir);
	int rc = stack_enter(c, &claim);
	bool admitted = rc == 0;

	if (rc == 0 && hooks)
		rc = hooks->prepare(hooks->self);
	if (rc == 0)
		rc = set_marker(c, dir, meta);
	if (hooks)
		hooks->done(hooks->self, rc);
	if (admitted)
		stack_leave(c, &claim);
	return rc;
}

/* One layer's part of a merged listing. */
struct stream {
	struct layer *layer;
	struct children batch;
	size_t next;
	bool failed;
};

/* The stream whose next child comes first, or NULL: a stream is used up, the rest is for the next
 * call. */
static struct stream *first_stream(struct stream *streams, size_t count, bool *end)
{
	struct stream *first = NULL;

	*end = false;
	for (size_t i = 0; i < count; i++) {
		struct stream *s = &streams[i];
		if (s->failed)
			continue;
		if (s->next == s->batch.count) {
			if (s->batch.end)
				continue;
			return NULL;
		}
		if (!first)
			first = s;
		const struct child *a = &s->batch.items[s->next],
				   *b = &first->batch.items[first->next];
		if (child_compare(a->name, a->is_dir, b->name, b->is_dir) < 0)
			first = s;
	}
	*end = !first;
	return first;
}

/* Whether what a layer lists is believed, and not over as the journal knows. */
static bool shows_child(struct layered *c, struct layer *l, struct key dir,
			const struct child *child)
{
	struct key_buffer key;

	if (key_join(&key, dir, child->name) < 0)
		return true;
	struct key whole = key_make(key.bytes, key.size);
	if (child->is_dir)
		return layer_trusts_dir(l, whole);
	return layer_trusts(l, whole) &&
	       !(write_back_is_slower(c, l) && write_back_hides(c, whole));
}

/* Takes the same child off all streams, and returns the one that tells most. */
static const struct child *take_child(struct layered *cache, struct stream *streams, size_t count,
				      const struct child *child, struct key dir)
{
	const struct child *best = NULL;

	for (size_t i = 0; i < count; i++) {
		struct stream *s = &streams[i];
		if (s->failed || s->next == s->batch.count)
			continue;
		const struct child *c = &s->batch.items[s->next];
		if (child_compare(c->name, c->is_dir, child->name, child->is_dir) != 0)
			continue;
		s->next++;
		if (!shows_child(cache, s->layer, dir, c))
			continue;
		if (!best || (best->meta.mode == 0 && c->meta.mode != 0))
			best = c;
	}
	return best;
}

static int merge_streams(struct layered *c, struct stream *streams, size_t count, struct key dir,
			 struct children *batch)
{
	while (batch->count < CHILDREN_MAX) {
		struct stream *s = first_stream(streams, count, &batch->end);
		if (!s)
			return 0;
		const struct child *child = take_child(c, streams, count, &s->batch.items[s->next],
						       dir);
		if (child && children_add(batch, child->name, child->is_dir, &child->meta) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int list_once(struct layered *c, struct key dir, struct key after, bool after_is_dir,
		     struct children *batch)
{
	size_t count = c->count + (c->markers != NULL);
	struct stream *streams = calloc(count, sizeof(*streams));

	if (!streams)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct stream *s = &streams[i];
		s->layer = i < c->count ? c->layers[i] : c->markers;
		s->failed = layer_list(s->layer, dir, after, after_is_dir, &s->batch) < 0;
	}
	int rc = merge_streams(c, streams, count, dir, batch);
	for (size_t i = 0; i < count; i++)
		children_fini(&streams[i].batch);
	free(streams);
	return rc;
}

static uint64_t trust_changes(struct layered *c)
{
	uint64_t changes = atomic_load(&c->uncovered);

	for (size_t i = 0; i < c->count; i++)
		changes += layer_trust_changes(c->layers[i]);
	return changes;
}

int layered_list(struct layered *c, struct key dir, struct key after, bool after_is_dir,
		 struct children *batch)
{
	uint64_t changes;
	int rc, tries = 0;

	stack_catch_up(c);
	do { /* a layer may have been told between its listing and the question what to believe */
		changes = trust_changes(c);
		children_clear(batch);
		rc = list_once(c, dir, after, after_is_dir, batch);
	} while (rc == 0 && changes != trust_changes(c) && ++tries < LIST_TRIES);
	return rc;
}

bool layered_dir_is_empty(struct layered *c, struct key dir)
{
	struct children *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return false;
	int rc = layered_list(c, dir, KEY_ROOT, false, batch);
	bool empty = rc == 0 && batch->count == 0;
	children_fini(batch);
	free(batch);
	return empty;
}
