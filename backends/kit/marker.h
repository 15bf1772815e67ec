#ifndef CACHEFS_MARKER_H
#define CACHEFS_MARKER_H

/*
 * The keys that markers of directories are stored under: the directory's with a slash at the end,
 * so that markers sort as listings do; the root's is empty.
 */

#include <stdbool.h>

#include "base/key.h"

/* The key that dir's marker has; it borrows the buffer. */
struct key marker_key(struct key_buffer *buffer, struct key dir);

/* Whether a key that was stored can be a marker's. */
bool marker_key_is_valid(struct key key);

#endif
