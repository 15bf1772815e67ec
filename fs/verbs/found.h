#ifndef CACHEFS_FOUND_H
#define CACHEFS_FOUND_H

/* The result of looking a name up in the cache: an entry, a directory, or nothing. */

#include "verbs/fs_state.h"

enum found { FOUND_NOTHING, FOUND_ENTRY, FOUND_DIRECTORY };

/* One LOOKUP under way, or a request that is answered like one. */
struct finding {
	struct fs *fs;
	struct inodes *t;
	struct name *name; /* a reference */
	pid_t tid;
	struct key_buffer key; /* the key of the name when the layers were asked last */
};

/*
 * Asks the layers, at an instant at which the name does not change. Releases the table's lock
 * meanwhile, and waits. A key may be an entry and a directory; then it is found as a directory.
 * *meta: of the entry or the marker, empty without a marker; the caller ends it, also after an
 * error. -errno: the key is impossible, or no layer can answer.
 */
int found_locked(struct finding *f, enum found *found, struct meta *meta);

/* The type of an entry: S_IFREG or S_IFLNK, even if its mode is unknown. */
uint32_t found_type(const struct meta *meta);

#endif
