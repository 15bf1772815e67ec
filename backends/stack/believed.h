#ifndef CACHEFS_BELIEVED_H
#define CACHEFS_BELIEVED_H

/*
 * Listings of one layer without the keys that reads must ignore: those that the layer missed a
 * change of, or that are to be moved there. Such a key is not listed, and a directory does not
 * exist because of it. A part of a listing may therefore be empty and not be the last (see struct
 * children).
 */

#include "stack/layer.h"

/* As layer_list() and layer_dir_stat(), without the ignored keys. */
int believed_list(struct layer *layer, struct key dir, struct key after, bool after_is_dir,
		  struct children *batch);
int believed_dir_stat(struct layer *layer, struct key dir, struct meta *meta);

#endif
