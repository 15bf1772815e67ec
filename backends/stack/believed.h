#ifndef CACHEFS_BELIEVED_H
#define CACHEFS_BELIEVED_H

/*
 * What is believed of what a layer says of directories: a key that it has missed a change of, or
 * that is to be moved there, is neither listed nor makes a directory. A part of a listing may so
 * come to nothing and not be the end (see struct children).
 */

#include "stack/layer.h"

/* As layer_list(), layer_dir_stat(). */
int believed_list(struct layer *layer, struct key dir, struct key after, bool after_is_dir,
		  struct children *batch);
int believed_dir_stat(struct layer *layer, struct key dir, struct meta *meta);

#endif
