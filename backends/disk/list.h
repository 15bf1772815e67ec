#ifndef CACHEFS_DISK_LIST_H
#define CACHEFS_DISK_LIST_H

/*
 * Directories: their children, and the keys below them. The functions are operations of struct
 * backend and have its contract.
 */

#include "base/children.h"
#include "base/key.h"
#include "base/meta.h"

int disk_list(void *state, struct key dir, struct key after, bool after_is_dir,
	      struct children *batch);
int disk_dir_stat(void *state, struct key dir, struct meta *meta);
int disk_check_rename_prefix(void *state, struct key from, struct key to);

#endif
