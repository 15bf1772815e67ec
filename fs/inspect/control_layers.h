#ifndef CACHEFS_CONTROL_LAYERS_H
#define CACHEFS_CONTROL_LAYERS_H

/*
 * `.cachefs/layers/NAME/...`: what one layer holds, by itself. Looking is all one can do: no hit,
 * no promotion, no recency, and writing is EROFS. Nothing of it is kept by the kernel, so it shows
 * what is there now. In the inode table these inodes hang below that of `layers`; the key of one
 * begins with the layer's number. A layer whose name is no file name shows under an escape
 * (key_escape_text()).
 */

#include "inodes/key_escape.h"
#include "verbs/attributes.h"

/* How a layer is called there; false: there is none of that number. */
bool layer_view_name(struct fs *fs, size_t layer, struct escape_text *name);

/* What shows these inodes (view.h); their attributes are -ENOENT if one is gone, or was replaced by
 * a directory or file. */
extern const struct view layer_view;

/* The value; the caller gets a reference. */
int layer_view_value(struct fs *fs, struct inode *inode, struct value **value);

#endif
