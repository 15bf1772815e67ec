#ifndef CACHEFS_CURSOR_H
#define CACHEFS_CURSOR_H

/*
 * Where a listing is that walks the ordered keys of entries and of markers (a marker's key is its
 * directory's with a slash at the end, the root's is empty): see list() of struct backend.
 */

#include <stdbool.h>

#include "base/key.h"

struct cursor {
	struct key dir;       /* borrowed */
	struct key_buffer at; /* the next child is at or after this key */
};

/* 0 or -ENAMETOOLONG. */
int cursor_start(struct cursor *c, struct key dir, struct key after, bool after_is_dir);

struct key cursor_at(const struct cursor *c);

/* A directory's own marker sorts where its child with the empty name does, and is no child. */
bool cursor_is_own_marker(const struct cursor *c, struct key marker);

/*
 * Moves behind the child that key, below dir, is or lies in. Returns its name; for a directory
 * *marker is the key that its marker has. Both borrow key.
 */
struct key cursor_pass(struct cursor *c, struct key key, bool *is_dir, struct key *marker);

/* The key that dir's marker has. */
struct key marker_key(struct key_buffer *buffer, struct key dir);

/* Whether a key that was stored can be a marker's: the root's, or a directory's with its slash. */
bool marker_key_is_valid(struct key key);

#endif
