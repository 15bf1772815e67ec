#ifndef CACHEFS_FOUND_H
#define CACHEFS_FOUND_H

/* What the cache has under a name: an entry, a directory, or nothing. */

#include "verbs/fs_state.h"

enum found { FOUND_NOTHING, FOUND_ENTRY, FOUND_DIRECTORY };

/* One LOOKUP under way, or what answers like one. */
struct finding {
	struct fs *fs;
	struct inodes *t;
	struct name *name; /* a reference */
	pid_t tid;
	struct key_buffer key; /* of the name, when the layers were asked last */
};

/*
 * Asks the layers, at an instant at which the name does not change: releases the table's lock for
 * that, and waits. A key may be both; then the directory keeps the name. *meta: of the entry or the
 * marker, empty without one; ended by the caller, also after an error. -errno: the key cannot be,
 * or nobody can tell.
 */
int found_locked(struct finding *f, enum found *found, struct meta *meta);

/* The type of an entry: S_IFREG or S_IFLNK, also if its mode is not known. */
uint32_t found_type(const struct meta *meta);

#endif
