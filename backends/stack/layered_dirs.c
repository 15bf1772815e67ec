/*
 * Directories of the stack: whether there is one, its marker, and whether it is empty. See
 * layered.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "stack/believed.h"
#include "stack/stack.h"
#include "stack/write_back.h"

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

/* A marker. That of the root may have times alone. */
static bool is_marker(const struct meta *meta)
{
	return meta->mode != 0 || meta->mtime.tv_sec != 0;
}

/* 1: the marker is found. */
static int view_layer(struct layered *c, size_t i, bool polled, struct key dir, struct dir_view *v,
		      struct meta *meta)
{
	struct layer *l = c->layers[i];
	int rc = believed_dir_stat(l, dir, meta);

	if (rc == 0 && is_marker(meta))
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

int stack_dir_stat(struct layered *c, struct key dir, int depth, struct meta *meta)
{
	bool polled[STACK_MAX];
	struct dir_view v = { .denied = false };

	stack_catch_up(c, polled);
	*meta = (struct meta){ 0 };
	if (c->markers && layer_dir_stat(c->markers, dir, meta) == 0) {
		if (is_marker(meta))
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
	return some && stack_dir_is_empty(c, dir, depth) <= 0 ? 0 : none;
}

int layered_dir_stat(struct layered *c, struct key dir, struct meta *meta)
{
	return stack_dir_stat(c, dir, 0, meta);
}

int stack_dir_is_empty(struct layered *c, struct key dir, int depth)
{
	struct children *batch = calloc(1, sizeof(*batch));
	struct listing_place *at = calloc(1, sizeof(*at));
	int rc = batch && at ? 0 : -ENOMEM, unasked = 0;

	while (rc == 0 && batch->count == 0 && !batch->end) {
		rc = stack_list_part(c, dir, at, depth, batch, &unasked);
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

int layered_dir_is_empty(struct layered *c, struct key dir)
{
	return stack_dir_is_empty(c, dir, 0);
}

/* --- markers ---------------------------------------------------------------------------------- */

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

static int set_durable(struct layered *c, struct key dir, const struct meta *meta)
{
	int rc = write_back_dir_set(c, dir, meta);

	return rc == -EFBIG ? set_through(c, dir, meta) : rc; /* no journal, or too small */
}

/* The durable layers took the marker: one that they once did not take is older. */
static void replace_unkept(struct layered *c, struct key dir, const struct meta *meta)
{
	struct meta old = { 0 };

	if (layer_dir_stat(c->markers, dir, &old) == 0 && is_marker(&old))
		layer_dir_set(c->markers, dir, meta);
	meta_fini(&old);
}

static int set_marker(struct layered *c, struct key dir, const struct meta *meta)
{
	int rc = c->durable_count > 0 ? set_durable(c, dir, meta) : -EFBIG;

	if (rc == 0 && c->markers)
		replace_unkept(c, dir, meta);
	return rc < 0 && c->markers ? layer_dir_set(c->markers, dir, meta) : rc;
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
