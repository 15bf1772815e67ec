/* See believed.h. */
#include "stack/believed.h"

#include <errno.h>
#include <stdlib.h>

/* How deep a directory is looked into for a key that makes it one; below, any key does. */
enum { DEPTH_MAX = 64 };

struct look {
	struct layer *layer;
	struct key dir;
	int depth;
};

static bool has_shown_child(const struct look *look);

/* A directory without a marker is there by the keys below it, all of which may be hidden. */
static bool shows_dir(const struct look *look, struct key dir, const struct meta *marker)
{
	struct look below = { look->layer, dir, look->depth + 1 };

	if (!layer_trusts_dir(look->layer, dir))
		return false;
	if (marker->mode != 0 || look->depth >= DEPTH_MAX)
		return true;
	return layer_doubts_marker(look->layer, dir) || !layer_hides_below(look->layer, dir) ||
	       has_shown_child(&below);
}

static bool shows_child(void *self, const struct child *child)
{
	const struct look *look = self;
	struct key_buffer buffer;

	if (key_join(&buffer, look->dir, child->name) < 0)
		return true;
	struct key key = key_make(buffer.bytes, buffer.size);
	return child->is_dir ? shows_dir(look, key, &child->meta) : layer_trusts(look->layer, key);
}

/* In steps that end with the first one. What cannot be told is there. */
static bool has_shown_child(const struct look *look)
{
	struct children *batch = calloc(1, sizeof(*batch));
	struct listing_place *at = calloc(1, sizeof(*at));
	struct look here = *look;
	bool found = !batch || !at;

	while (!found && !batch->end) {
		children_clear(batch);
		found = layer_list(look->layer, look->dir,
				   key_make(at->after.bytes, at->after.size), at->after_is_dir,
				   batch) < 0;
		for (size_t i = 0; i < batch->count && !found; i++)
			found = shows_child(&here, &batch->items[i]);
		if (!found && !batch->end)
			children_note_place(batch, at);
	}
	if (batch)
		children_fini(batch);
	free(batch);
	free(at);
	return found;
}

int believed_list(struct layer *l, struct key dir, struct key after, bool after_is_dir,
		  struct children *batch)
{
	struct look look = { .layer = l, .dir = dir };

	if (!layer_trusts_dir(l, dir)) {
		batch->end = true;
		return 0;
	}
	int rc = layer_list(l, dir, after, after_is_dir, batch);
	if (rc == 0 && layer_hides_below(l, dir))
		children_filter(batch, shows_child, &look);
	return rc;
}

int believed_dir_stat(struct layer *l, struct key dir, struct meta *meta)
{
	struct look look = { .layer = l };
	int rc = layer_dir_stat(l, dir, meta);

	if (rc < 0 || shows_dir(&look, dir, meta))
		return rc;
	meta_fini(meta);
	return -ENOENT;
}
