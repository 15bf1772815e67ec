#ifndef CACHEFS_CONTROL_LAYERS_H
#define CACHEFS_CONTROL_LAYERS_H

/*
 * `.cachefs/layers/NAME/...`: what one layer holds, by itself. Looking is all one can do: no hit,
 * no promotion, no recency, and writing is EROFS. Nothing of it is kept by the kernel, so it shows
 * what is there now. In the inode table these inodes hang below that of `layers`; the key of one
 * begins with the layer's name. A layer whose name has a slash cannot be looked into.
 */

#include "lookup.h"

/* LOOKUP in `layers` or below; the inode comes with one lookup. */
int layer_view_lookup(struct fs *fs, struct inode *dir, struct key name, struct attributes *out);

/*
 * What to show of "LAYER/KEY"; there is always a mode. VIEW_NAME: a directory, if keys lie below,
 * else the entry. VIEW_ENTRY: the entry. 0 or -ENOENT.
 */
enum view_kind { VIEW_NAME, VIEW_ENTRY };
int layer_view_stat(struct fs *fs, struct key path, enum view_kind kind, struct meta *meta);

/* Metadata as they are now. -ENOENT: gone, or replaced by a directory or file. */
int layer_view_refresh(struct fs *fs, struct inode *inode);

void layer_view_attributes_locked(struct fs *fs, const struct inode *inode, struct attributes *out);

/* The value; the caller gets a reference. */
int layer_view_value(struct fs *fs, struct inode *inode, struct value **value);

/* As list() of struct backend; dir is the key of a directory below `layers`. */
int layer_view_list(struct fs *fs, struct key dir, struct key after, bool after_is_dir,
		    struct children *batch);

#endif
