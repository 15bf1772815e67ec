#ifndef CACHEFS_FILE_MOVE_H
#define CACHEFS_FILE_MOVE_H

/*
 * Rename of a directory in a file layer. Each key is a file to be written anew, so a crash in the
 * middle would leave some there and some here: the rename is written down in the directory, and
 * finished before the layer answers anything again.
 */

#include "file/layer.h"

/* Operations of struct backend. Thread-safe. */
int file_rename_prefix(void *state, struct key from, struct key to);
int file_check_rename_prefix(void *state, struct key from, struct key to);

/* Carries out a rename that was cut off, within a change or before the layer has loaded. 0, also
 * when there is none; -errno: it is still to be done. */
int file_move_finish(struct file_layer *f);

#endif
