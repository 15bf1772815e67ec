#ifndef CACHEFS_DISK_H
#define CACHEFS_DISK_H

#include "cache.h"

/* Type "disk": entries in an SQLite database, large values in files beside it. Durable. */
extern const struct backend backend_disk;

#endif
