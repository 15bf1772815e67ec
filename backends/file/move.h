#ifndef CACHEFS_FILE_MOVE_H
#define CACHEFS_FILE_MOVE_H

/*
 * The rename of a directory in a file layer. The rename writes one new file for each key, so a
 * crash in the middle would leave some keys at each place. Therefore the layer notes the rename in
 * the directory, and finishes it before it answers anything again.
 */

#include "file/layer.h"

/* Operations of struct backend. Thread-safe. */
int file_rename_prefix(void *state, struct key from, struct key to);
int file_check_rename_prefix(void *state, struct key from, struct key to);

/* Finishes a rename that was interrupted, within a change or before the layer has loaded. 0, also
 * if there is none; -errno: the rename is not finished. */
int file_move_finish(struct file_layer *f);

#endif
