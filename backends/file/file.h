#ifndef CACHEFS_FILE_H
#define CACHEFS_FILE_H

#include "cache.h"

/* Type "file": one human-readable JSON file per entry (file/entry.h), the oldest evicted first.
 * Durable. */
extern const struct backend backend_file;

#endif
