#ifndef CACHEFS_FILE_DIRS_H
#define CACHEFS_FILE_DIRS_H

/* Directories and prefixes of a file layer; file/move.h has their renames. `state` is a struct
 * file_layer. The contracts are those of struct backend (cache.h). Thread-safe. */

#include "cache.h"

int file_remove_prefix(void *state, struct key prefix);
int file_list(void *state, struct key dir, struct key after, bool after_is_dir,
	      struct children *batch);
int file_dir_stat(void *state, struct key dir, struct meta *meta);
int file_dir_set(void *state, struct key dir, const struct meta *meta);
int file_dir_remove(void *state, struct key dir);

#endif
