/* Batches of a listing, and the order of their children. See children.h. */
#include "base/children.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int children_add(struct children *batch, struct key name, bool is_dir, const struct meta *meta)
{
	assert(batch->count < CHILDREN_MAX);
	assert(children_precede(batch, KEY_ROOT, false, name, is_dir));
	char *copy = key_copy(name);
	if (!copy)
		return -ENOMEM;

	struct child *child = &batch->items[batch->count];
	*child = (struct child){ .name = key_make(copy, name.size), .is_dir = is_dir };
	if (meta)
		meta_copy(&child->meta, meta);
	batch->names[batch->count++] = copy;
	batch->passed = false;
	return 0;
}

void children_pass(struct children *batch, struct key name, bool is_dir)
{
	key_keep(&batch->place, name);
	batch->place_is_dir = is_dir;
	batch->passed = true;
}

void children_filter(struct children *batch, bool (*shows)(void *self, const struct child *child),
		     void *self)
{
	size_t kept = 0;

	for (size_t i = 0; i < batch->count; i++) {
		struct child *child = &batch->items[i];
		char *name = batch->names[i];
		if (shows(self, child)) {
			batch->items[kept] = *child;
			batch->names[kept++] = name;
			continue;
		}
		if (i + 1 == batch->count && !batch->passed)
			children_pass(batch, child->name, child->is_dir);
		meta_fini(&child->meta);
		free(name);
	}
	batch->count = kept;
}

struct key children_place(const struct children *batch, bool *is_dir)
{
	if (batch->passed) {
		*is_dir = batch->place_is_dir;
		return key_kept(&batch->place);
	}
	assert(batch->count > 0);
	*is_dir = batch->items[batch->count - 1].is_dir;
	return batch->items[batch->count - 1].name;
}

void children_note_place(const struct children *batch, struct listing_place *place)
{
	key_keep(&place->after, children_place(batch, &place->after_is_dir));
}

void children_clear(struct children *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		meta_fini(&batch->items[i].meta);
		free(batch->names[i]);
		batch->names[i] = NULL;
	}
	batch->count = 0;
	batch->end = batch->passed = false;
}

void children_fini(struct children *batch)
{
	children_clear(batch);
}

/* The i-th byte of the name as it sorts, -1 past its end. */
static int sort_byte(struct key name, bool is_dir, size_t i)
{
	if (i < name.size)
		return (unsigned char)name.bytes[i];
	return is_dir && i == name.size ? '/' : -1;
}

int child_compare(struct key a_name, bool a_is_dir, struct key b_name, bool b_is_dir)
{
	size_t common = a_name.size < b_name.size ? a_name.size : b_name.size;
	int order = common > 0 ? memcmp(a_name.bytes, b_name.bytes, common) : 0;

	if (order != 0)
		return order;
	for (size_t i = common;; i++) {
		int a = sort_byte(a_name, a_is_dir, i), b = sort_byte(b_name, b_is_dir, i);
		if (a != b)
			return a < b ? -1 : 1;
		if (a < 0)
			return 0;
	}
}

bool children_precede(const struct children *batch, struct key after, bool after_is_dir,
		      struct key name, bool is_dir)
{
	if (batch->count > 0) {
		const struct child *last = &batch->items[batch->count - 1];
		return child_compare(last->name, last->is_dir, name, is_dir) < 0;
	}
	return after.size == 0 || child_compare(after, after_is_dir, name, is_dir) < 0;
}
