#ifndef CACHEFS_ESCAPED_H
#define CACHEFS_ESCAPED_H

/* Escapes from whose text alone the part cannot be decoded: see key_escape.h. */

#include "verbs/fs_state.h"

/*
 * Asks the cache for the part of a name before the name is looked up. 1: the part is in *part; 0:
 * name_get_locked() needs no more than the text; or -errno. Call with no lock held.
 */
int escaped_resolve(struct fs *fs, struct inode *dir, struct key text, struct key_buffer *part);

/* Asks whether the directory's own key has a value. 0 with its metadata, or -ENOENT. */
int escaped_own_value(struct fs *fs, struct inode *dir, struct meta *meta);

#endif
