#ifndef CACHEFS_DISK_NAMES_H
#define CACHEFS_DISK_NAMES_H

/*
 * A list of byte strings: the keys and the files that a transaction has to tell of once it is
 * committed, the keys that a look at the log of changes found. It owns copies. One thread at a
 * time.
 */

#include <stddef.h>

#include "base/key.h"

struct disk_name {
	char *bytes; /* terminated */
	size_t size; /* without the terminator */
};
struct disk_names {
	struct disk_name *items;
	size_t count, capacity;
};

/* Adds a copy of the bytes. 0 or -ENOMEM. */
int disk_names_add(struct disk_names *names, const void *bytes, size_t size);

/* The last one; it stays the list's. There is one. */
struct key disk_names_last(const struct disk_names *names);
void disk_names_drop_last(struct disk_names *names);

/* Empties each that is this key: an empty one stands for none. */
void disk_names_strike(struct disk_names *names, struct key key);

void disk_names_fini(struct disk_names *names);

#endif
