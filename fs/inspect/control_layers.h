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
#include "verbs/lookup.h"

/* How a layer is called there; false: there is none of that number. */
bool layer_view_name(struct fs *fs, size_t layer, struct escape_text *name);

/* LOOKUP in `layers` or below; the inode comes with one lookup. */
int layer_view_lookup(struct fs *fs, struct inode *dir, struct key name, struct attributes *out);

/*
 * What to show of "NUMBER/KEY"; there is always a mode. VIEW_NAME: a directory, if keys lie below,
 * else the entry. VIEW_ENTRY: the entry. 0 or -ENOENT.
 */
enum view_kind { VIEW_NAME, VIEW_ENTRY };
int layer_view_stat(struct fs *fs, struct key path, enum view_kind kind, struct meta *meta);

/* The same of the inode's name, for what is asked of it. Ended with meta_fini(). */
int layer_view_peek(struct fs *fs, struct inode *inode, struct meta *meta);

/* Metadata as they are now. -ENOENT: gone, or replaced by a directory or file. */
int layer_view_refresh(struct fs *fs, struct inode *inode);

void layer_view_attributes_locked(struct fs *fs, const struct inode *inode, struct attributes *out);

/* The value; the caller gets a reference. */
int layer_view_value(struct fs *fs, struct inode *inode, struct value **value);

/* As list() of struct backend; dir is the key of a directory below `layers`. */
int layer_view_list(struct fs *fs, struct key dir, struct key after, bool after_is_dir,
		    struct children *batch);

#endif
