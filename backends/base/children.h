#ifndef CACHEFS_CHILDREN_H
#define CACHEFS_CHILDREN_H

/*
 * A part of a listing: a batch of a directory's children, in the order that all listings have. A
 * batch is one thread's; what it shows, names and metadata, is its own.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/key.h"
#include "base/meta.h"

/* One child of a directory. */
struct child {
	struct key name;  /* see key_child(); its bytes are the batch's */
	bool is_dir;      /* a prefix directory or a marker */
	bool vague;       /* meta may be an earlier entry's: who wants to know asks */
	struct meta meta; /* of the entry; of the marker, or empty (mode 0), for a directory */
};

enum { CHILDREN_MAX = 128 };

/*
 * A part of a listing. Made with = {0}, reused call after call, ended with children_fini(). That it
 * has no item is neither the end nor no progress: what was read may not be to be shown. So whoever
 * goes on does it behind children_place(), until `end`.
 */
struct children {
	size_t count;
	struct child items[CHILDREN_MAX];
	char *names[CHILDREN_MAX]; /* owned copies behind items[].name */
	bool end;                  /* nothing follows */
	bool passed;               /* children_pass() was called after the last item was added */
	bool place_is_dir;
	struct key_buffer place; /* if it was */
};

/* Adds a child; takes over nothing, copies the name and the meta (may be NULL). 0 or -ENOMEM;
 * asserts room, and that it comes after the last one. */
int children_add(struct children *batch, struct key name, bool is_dir, const struct meta *meta);

/* A child was read, behind all items, that is not to be shown. */
void children_pass(struct children *batch, struct key name, bool is_dir);

/* Takes out the children that are not to be shown. */
void children_filter(struct children *batch, bool (*shows)(void *self, const struct child *child),
		     void *self);

/* The child behind which the listing goes on, for a batch that is not the end. Its bytes are the
 * batch's. */
struct key children_place(const struct children *batch, bool *is_dir);

/* The same, copied: for the next call, which clears the batch. */
struct listing_place {
	struct key_buffer after;
	bool after_is_dir;
};
void children_note_place(const struct children *batch, struct listing_place *place);

void children_clear(struct children *batch);
void children_fini(struct children *batch);

/*
 * The order of a listing is that of the keys: a child that is a directory sorts as its name + "/",
 * an entry as its name (so an entry "a!" comes before the directory "a"). Compares two children so.
 */
int child_compare(struct key a_name, bool a_is_dir, struct key b_name, bool b_is_dir);

/* Whether a child comes after the last of the batch, or else after the one that the listing goes on
 * behind (of no size: it begins). In a damaged index a seek can lead back: no listing would end. */
bool children_precede(const struct children *batch, struct key after, bool after_is_dir,
		      struct key name, bool is_dir);

#endif
