#ifndef CACHEFS_USAGE_H
#define CACHEFS_USAGE_H

/* What df shows: bytes and entries against the limits of the last durable layer, or without a limit
 * those of the file system that it is on. Thread-safe. */

#include <sys/statvfs.h>

#include "verbs/fs_state.h"

void usage_show(struct fs *fs, struct statvfs *st);

#endif
