#ifndef CACHEFS_CHILDREN_H
#define CACHEFS_CHILDREN_H

/* A batch is one part of a listing: some children of a directory, in the order of all listings. A
 * batch belongs to one thread and owns the names and metadata of its children. */

#include <stdbool.h>
#include <stddef.h>

#include "base/key.h"
#include "base/meta.h"

/* One child of a directory. */
struct child {
	struct key name;  /* see key_child(); its bytes are the batch's */
	bool is_dir;      /* a directory: it has keys below it, or a marker */
	bool vague;       /* meta may belong to an earlier entry: ask the layer for the right one */
	struct meta meta; /* of the entry; of the marker, or empty (mode 0), for a directory */
};

enum { CHILDREN_MAX = 128 };

/*
 * A part of a listing. Made with = {0}, used again for each call, ended with children_fini(). A
 * batch without items is not always the end of the listing: the layer may have read only children
 * that it must not show. So the caller goes on behind children_place() until `end` is true.
 */
struct children {
	size_t count;
	struct child items[CHILDREN_MAX];
	char *names[CHILDREN_MAX]; /* owned copies behind items[].name */
	bool end;                  /* nothing follows */
	bool passed;               /* children_pass() was called after the last item was added */
	bool place_is_dir;
	struct key_buffer place; /* valid only if `passed` is true */
};

/* Adds a child. Copies the name and the meta (may be NULL). 0 or -ENOMEM. Asserts that the batch
 * has room and that the child comes after the last item. */
int children_add(struct children *batch, struct key name, bool is_dir, const struct meta *meta);

/* Notes a child that was read behind all items and that the listing must not show. */
void children_pass(struct children *batch, struct key name, bool is_dir);

/* Removes the children for which shows() returns false. */
void children_filter(struct children *batch, bool (*shows)(void *self, const struct child *child),
		     void *self);

/* Returns the child behind which the listing goes on; *batch is not the end and has an item or a
 * passed child. The batch owns the bytes. */
struct key children_place(const struct children *batch, bool *is_dir);

/* A copy of children_place(), for the next call, which clears the batch. */
struct listing_place {
	struct key_buffer after;
	bool after_is_dir;
};
void children_note_place(const struct children *batch, struct listing_place *place);

void children_clear(struct children *batch);
void children_fini(struct children *batch);

/*
 * Compares two children in the order of a listing: <0, 0, >0. The order of a listing is the order
 * of keys: a child that is a directory sorts as its name + "/", an entry as its name (so an entry
 * "a!" comes before the directory "a").
 */
int child_compare(struct key a_name, bool a_is_dir, struct key b_name, bool b_is_dir);

/*
 * True if the child comes after the last item of the batch; in an empty batch, after the child
 * behind which the listing goes on (no bytes: the listing begins). In a damaged index a seek can go
 * back; the listing would never end.
 */
bool children_precede(const struct children *batch, struct key after, bool after_is_dir,
		      struct key name, bool is_dir);

#endif
