#ifndef CACHEFS_MARKER_H
#define CACHEFS_MARKER_H

/* The keys under which markers of directories are stored: the directory's key with a slash at the
 * end, so that markers sort as listings do. The key of the root's marker is empty. */

#include <stdbool.h>

#include "base/key.h"

/* The key of dir's marker; it borrows the buffer. */
struct key marker_key(struct key_buffer *buffer, struct key dir);

/* True if a stored key can be a marker's. */
bool marker_key_is_valid(struct key key);

#endif
