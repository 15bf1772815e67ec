#ifndef CACHEFS_USAGE_H
#define CACHEFS_USAGE_H

/* The numbers that df shows: bytes and entries against the limits of the last durable layer.
 * Without a limit, those of the layer's file system count. Thread-safe. */

#include <sys/statvfs.h>

#include "verbs/fs_state.h"

void usage_show(struct fs *fs, struct statvfs *st);

#endif
