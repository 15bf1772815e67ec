/*
 * What directories show: whether one exists, whether it is empty, and its children, merged from the
 * layers' listings. The three need each other for directories below, so they are in one file. The
 * layers that a get would ask (revalidate.c) decide which children exist: beside a layer that other
 * programs write, copies in faster layers add metadata to its names, and no names. See layered.h.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stack/believed.h"
#include "stack/revalidate.h"
#include "stack/write_back.h"

enum {
	LIST_TRIES = 16, /* of a listing that the teller got in between of */
	DEPTH_MAX = 32,  /* of directories looked into for something that is there */
};

/* `depth` counts how far below the directory that was asked for. */
static int dir_is_empty(struct layered *c, struct key dir, int depth);

/* --- whether there is one --------------------------------------------------------------------- */

/* What the layers say of a directory whose marker none of them has. */
struct dir_view {
	bool undrained; /* a key below it is in the journal */
	bool copied, stored;
	size_t stored_at; /* the slowest durable layer that has a key below it */
	bool denied;
	size_t denied_at; /* the slowest layer that has to be asked, and has none */
	int shortage;     /* -errno of the daemon itself: nobody can tell; or 0 */
};

/* 1: the marker is found. */
static int view_layer(struct layered *c, size_t i, bool polled, struct key dir, struct dir_view *v,
		      struct meta *meta)
{
	struct layer *l = c->layers[i];
	int rc = believed_dir_stat(l, dir, meta);

	if (rc == 0 && stack_is_marker(meta))
		return 1;
	if (rc == 0 && stack_is_journal(c, l)) {
		v->undrained = true;
	} else if (rc == 0 && layer_is_durable(l)) {
		v->stored = true;
		v->stored_at = i;
	} else if (rc == 0) {
		v->copied = true;
	} else if (rc == -ENOENT && polled && layer_trusts_dir(l, dir)) {
		v->denied = true;
		v->denied_at = i;
	} else if (layer_is_short(rc)) {
		v->shortage = rc;
	}
	return 0;
}

static int stat_dir(struct layered *c, struct key dir, int depth, struct meta *meta)
{
	bool polled[STACK_MAX];
	struct dir_view v = { .denied = false };

	stack_catch_up(c, polled);
	*meta = (struct meta){ 0 };
	if (c->markers && layer_dir_stat(c->markers, dir, meta) == 0) {
		if (stack_is_marker(meta))
			return 0;
		v.copied = true;
	}
	/* A marker anywhere says more than keys below it in a faster layer; of two the faster
	 * layer's is newer. */
	for (size_t i = 0; i < c->count; i++)
		if (view_layer(c, i, polled[i], dir, &v, meta) > 0)
			return 0;
	int none = v.shortage < 0 ? v.shortage : -ENOENT;
	if (v.undrained || !v.denied || (v.stored && v.stored_at > v.denied_at))
		return v.undrained || v.stored || v.copied ? 0 : none;
	/* What a faster durable layer has below it may be gone as well. */
	bool some = v.stored || (v.copied && stack_serves(c));
	return some && dir_is_empty(c, dir, depth) <= 0 ? 0 : none;
}

/* --- a merge ---------------------------------------------------------------------------------- */

/* One layer's part of a merged listing. */
struct stream {
	struct layer *layer;
	struct children batch;
	size_t next;
	bool failed;
};

/* One part of a merged listing in the making. */
struct merge {
	struct layered *cache;
	struct key dir;
	int depth;
	uint64_t instant; /* before the layers were asked */
	bool polled[STACK_MAX];
	struct stream *streams;
	size_t count;
};

/* --- where the streams are -------------------------------------------------------------------- */

static bool is_used_up(const struct stream *s)
{
	return s->next == s->batch.count;
}

/* Its next child, or if it is used up the place that it was read to. */
static struct key stream_at(const struct stream *s, bool *is_dir)
{
	if (is_used_up(s))
		return children_place(&s->batch, is_dir);
	*is_dir = s->batch.items[s->next].is_dir;
	return s->batch.items[s->next].name;
}

static bool is_before(const struct stream *a, const struct stream *b)
{
	bool a_is_dir, b_is_dir;
	struct key a_at = stream_at(a, &a_is_dir), b_at = stream_at(b, &b_is_dir);
	int order = child_compare(a_at, a_is_dir, b_at, b_is_dir);

	return order < 0 || (order == 0 && is_used_up(b) && !is_used_up(a));
}

/* The stream that comes first: if it is used up, the rest is for the next call. NULL: the end. */
static struct stream *first_stream(const struct merge *m)
{
	struct stream *first = NULL;

	for (size_t i = 0; i < m->count; i++) {
		struct stream *s = &m->streams[i];
		if (s->failed || (is_used_up(s) && s->batch.end))
			continue;
		if (!first || is_before(s, first))
			first = s;
	}
	return first;
}

/* --- one child -------------------------------------------------------------------------------- */

/* What the layers say of it. */
struct child_view {
	const struct child *fastest; /* of the fastest layer that has metadata */
	const struct child *stored;  /* of the fastest durable layer */
	const struct child *sure;    /* of the slowest layer that has to be asked */
	size_t stored_at, stored_to; /* the fastest and the slowest durable layer */
	bool undrained;              /* it is in the journal */
	bool denied;
	size_t denied_at; /* the slowest layer that has to be asked, and has it not */
};

static void note_child(const struct merge *m, size_t i, const struct child *child,
		       struct child_view *v)
{
	struct layer *l = m->streams[i].layer;

	if (!v->fastest || (v->fastest->meta.mode == 0 && child->meta.mode != 0))
		v->fastest = child;
	if (m->polled[i])
		v->sure = child;
	if (layer_is_durable(l) && !v->stored) {
		v->stored = child;
		v->stored_at = i;
	}
	if (layer_is_durable(l))
		v->stored_to = i;
	v->undrained |= stack_is_journal(m->cache, l);
}

/* Takes the child off all streams that have it. */
static void view_child(struct merge *m, const struct child *child, struct key key,
		       struct child_view *v)
{
	for (size_t i = 0; i < m->count; i++) {
		struct stream *s = &m->streams[i];
		if (s->failed)
			continue;
		const struct child *c = is_used_up(s) ? NULL : &s->batch.items[s->next];
		if (c && child_compare(c->name, c->is_dir, child->name, child->is_dir) != 0)
			c = NULL;
		s->next += c != NULL;
		bool over = c && !c->is_dir && write_back_is_slower(m->cache, s->layer) &&
			    write_back_hides(m->cache, key);
		if (c && !over) {
			note_child(m, i, c, v);
		} else if (m->polled[i] && (child->is_dir ? layer_trusts_dir(s->layer, key)
							  : layer_trusts(s->layer, key))) {
			v->denied = true;
			v->denied_at = i;
		}
	}
}

/* Whether a durable layer has it for nothing: a slower one says that it is gone. */
static bool is_lost(const struct merge *m, struct key key, const struct child_view *v)
{
	struct layered *c = m->cache;
	struct meta meta = { 0 };

	if (v->stored->is_dir) {
		if (v->stored->meta.mode != 0 || m->depth >= DEPTH_MAX)
			return false;
		int rc = stat_dir(c, key, m->depth + 1, &meta);
		meta_fini(&meta);
		return rc == -ENOENT;
	}
	if (!layer_may_have_lost(c->layers[v->denied_at], key) ||
	    revalidate(c, v->stored_at, m->instant, key, &v->stored->meta) == 0)
		return false;
	int rc = layered_stat(c, key, &meta);
	meta_fini(&meta);
	return rc == -ENOENT;
}

/* Whether what no durable layer has is no copy of what is gone: none took it (on_error "serve"). */
static bool is_unkept(const struct merge *m, struct key key, const struct child *child)
{
	if (!child->is_dir)
		return child->meta.unkept;
	if (!stack_serves(m->cache) || m->depth >= DEPTH_MAX)
		return false;
	return child->meta.mode != 0 || dir_is_empty(m->cache, key, m->depth + 1) <= 0;
}

/* What is shown of it; NULL: nothing. */
static const struct child *judge(const struct merge *m, struct key key, const struct child_view *v)
{
	const struct child *entry = v->sure ? v->sure : v->stored;

	if (!v->fastest || v->undrained || (!v->sure && !v->denied))
		return v->fastest;
	if (!entry) /* else copies of what is gone */
		return is_unkept(m, key, v->fastest) ? v->fastest : NULL;
	if (v->denied && v->stored_to < v->denied_at && is_lost(m, key, v))
		return NULL;
	if (entry->is_dir || meta_is_copy(&v->fastest->meta, &entry->meta))
		return entry->vague ? entry : v->fastest;
	return entry;
}

static int add_child(struct children *batch, const struct child *child)
{
	const struct child *last = batch->count > 0 ? &batch->items[batch->count - 1] : NULL;

	assert(!last || child_compare(last->name, last->is_dir, child->name, child->is_dir) < 0);
	(void)last;
	int rc = children_add(batch, child->name, child->is_dir, &child->meta);

	if (rc == 0)
		batch->items[batch->count - 1].vague = child->vague;
	return rc;
}

static int merge_child(struct merge *m, const struct child *child, struct children *batch)
{
	struct child_view v = { .fastest = NULL };
	struct key_buffer buffer;

	/* One that is too long for a key is nothing that a layer could have. */
	if (key_join(&buffer, m->dir, child->name) < 0)
		buffer.size = 0;
	struct key key = key_make(buffer.bytes, buffer.size);
	view_child(m, child, key, &v);
	const struct child *shown = judge(m, key, &v);
	if (shown)
		return add_child(batch, shown);
	children_pass(batch, child->name, child->is_dir);
	return 0;
}

/* --- a part ----------------------------------------------------------------------------------- */

static int merge_streams(struct merge *m, struct children *batch)
{
	while (batch->count < CHILDREN_MAX) {
		bool is_dir;
		struct stream *s = first_stream(m);
		batch->end = !s;
		if (!s)
			return 0;
		if (is_used_up(s)) {
			struct key at = stream_at(s, &is_dir);
			children_pass(batch, at, is_dir);
			return 0;
		}
		int rc = merge_child(m, &s->batch.items[s->next], batch);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int list_once(struct merge *m, const struct listing_place *at, struct children *batch,
		     int *unasked)
{
	struct layered *c = m->cache;
	struct key after = key_make(at->after.bytes, at->after.size);

	m->count = c->count + (c->markers != NULL);
	m->instant = foreign_now(&c->foreign);
	m->streams = calloc(m->count, sizeof(*m->streams));
	if (!m->streams)
		return -ENOMEM;
	int rc = 0;
	for (size_t i = 0; i < m->count && rc == 0; i++) {
		struct stream *s = &m->streams[i];
		s->layer = i < c->count ? c->layers[i] : c->markers;
		int listed = believed_list(s->layer, m->dir, after, at->after_is_dir, &s->batch);
		s->failed = listed < 0;
		if (listed < 0)
			*unasked = listed;
		rc = layer_is_short(listed) ? listed : 0; /* or names would be missing unsaid */
	}
	if (rc == 0)
		rc = merge_streams(m, batch);
	for (size_t i = 0; i < m->count; i++)
		children_fini(&m->streams[i].batch);
	free(m->streams);
	return rc;
}

static uint64_t trust_changes(struct layered *c)
{
	uint64_t changes = atomic_load(&c->uncovered);

	for (size_t i = 0; i < c->count; i++)
		changes += layer_trust_changes(c->layers[i]);
	return changes;
}

/* A part of a listing that goes on at a place; *unasked: -errno of a layer that could not be asked,
 * or 0. */
static int list_part(struct layered *c, struct key dir, const struct listing_place *at, int depth,
		     struct children *batch, int *unasked)
{
	struct merge m = { .cache = c, .dir = dir, .depth = depth };
	uint64_t changes;
	int rc, tries = 0;

	stack_catch_up(c, m.polled);
	do { /* a layer may have been told between its listing and the question what to believe */
		changes = trust_changes(c);
		children_clear(batch);
		*unasked = 0;
		rc = list_once(&m, at, batch, unasked);
	} while (rc == 0 && changes != trust_changes(c) && ++tries < LIST_TRIES);
	return rc;
}

static int dir_is_empty(struct layered *c, struct key dir, int depth)
{
	struct children *batch = calloc(1, sizeof(*batch));
	struct listing_place *at = calloc(1, sizeof(*at));
	int rc = batch && at ? 0 : -ENOMEM, unasked = 0;

	while (rc == 0 && batch->count == 0 && !batch->end) {
		rc = list_part(c, dir, at, depth, batch, &unasked);
		if (rc == 0 && !batch->end)
			children_note_place(batch, at);
	}
	if (rc == 0 && batch->count == 0)
		rc = unasked < 0 ? -EIO : 1;
	if (batch)
		children_fini(batch);
	free(batch);
	free(at);
	return rc;
}

/* --- layered.h -------------------------------------------------------------------------------- */

int layered_dir_stat(struct layered *c, struct key dir, struct meta *meta)
{
	return stat_dir(c, dir, 0, meta);
}

int layered_dir_is_empty(struct layered *c, struct key dir)
{
	return dir_is_empty(c, dir, 0);
}

int layered_list(struct layered *c, struct key dir, struct key after, bool after_is_dir,
		 struct children *batch)
{
	struct listing_place at = { .after_is_dir = after_is_dir };
	int ignored;

	if (after.size > KEY_MAX)
		return -ENAMETOOLONG;
	key_keep(&at.after, after);
	return list_part(c, dir, &at, 0, batch, &ignored);
}
