#ifndef CACHEFS_CONTROL_LAYERS_H
#define CACHEFS_CONTROL_LAYERS_H

/*
 * `.cachefs/layers/NAME/...` shows the content of one layer. It can only be looked at: a read is no
 * hit, promotes nothing and does not change recency; a write is EROFS. The kernel keeps nothing of
 * it, so it shows the present content. In the inode table these inodes are below the inode of
 * `layers`; their keys begin with the layer's number. A layer whose name cannot be a file name
 * shows under an escape (key_escape_text()).
 */

#include "inodes/key_escape.h"
#include "verbs/attributes.h"

/* The name of a layer there; false: there is no layer of that number. */
bool layer_view_name(struct fs *fs, size_t layer, struct escape_text *name);

/* The view (view.h) of these inodes. Their attributes are -ENOENT if the file has gone, or is of
 * another type (file, directory) by now. */
extern const struct view layer_view;

/* The value of a file; the caller gets a reference. */
int layer_view_value(struct fs *fs, struct inode *inode, struct value **value);

#endif
