#ifndef CACHEFS_DISK_NAMES_H
#define CACHEFS_DISK_NAMES_H

/*
 * A list of byte strings: the keys and the files that a transaction handles after its commit, or
 * the keys that a look at the log of changes found. The list owns copies. Only one thread at a time
 * uses a list.
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

/* Returns the last string, which the list owns. The list must not be empty. */
struct key disk_names_last(const struct disk_names *names);
void disk_names_drop_last(struct disk_names *names);

/* Makes each string that equals the key empty. An empty string stands for no string. */
void disk_names_strike(struct disk_names *names, struct key key);

void disk_names_fini(struct disk_names *names);

#endif
