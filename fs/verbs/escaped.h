#ifndef CACHEFS_ESCAPED_H
#define CACHEFS_ESCAPED_H

/* Escapes that do not tell by themselves what they stand for: see key_escape.h. */

#include "verbs/fs_state.h"

/*
 * Looks in the cache what a name that is about to be looked up stands for: 1 with its part in
 * *part, 0 when name_get_locked() knows all there is to know, or -errno. Called with no lock held.
 */
int escaped_resolve(struct fs *fs, struct inode *dir, struct key text, struct key_buffer *part);

/* Looks whether the directory's own key has a value (then its metadata): 0 or -ENOENT. */
int escaped_own_value(struct fs *fs, struct inode *dir, struct meta *meta);

#endif
