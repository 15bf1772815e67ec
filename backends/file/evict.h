#ifndef CACHEFS_FILE_EVICT_H
#define CACHEFS_FILE_EVICT_H

/* What leaves a file layer: removed, expired, or evicted, the oldest first, for max_files or
 * because the disk is full (free_space.h). Within a change, with no lock held. */

#include "file/layer.h"

enum file_reason { FILE_REMOVED, FILE_EVICTED, FILE_EXPIRED };

/* Removes an entry with its file, and tells env->gone() of what nobody has asked to remove. 0,
 * -ENOENT, or -errno of the file system; an expired one leaves the index in any case. */
int file_drop(struct file_layer *f, struct key key, enum file_reason reason);

/* Removes the file that a key is in, any other that holds the key, and what the index says of them.
 * 0 or -errno. */
int file_remove_files(struct file_layer *f, struct key key, const char *name);

/* Removes some expired entries. */
void file_expire(struct file_layer *f);

/* Evicts until max_files allows so many entries more. 0 or -errno. */
int file_make_room(struct file_layer *f, uint64_t more);

/* On a full disk: evicts until a file of that size may be written, of an entry (KEY_ROOT: of none)
 * that is kept. False: nothing was evicted. */
bool file_make_space(struct file_layer *f, uint64_t size, struct key kept);

/* Evicts what min_free_mb asks for, but not the entry that is kept. */
void file_keep_free(struct file_layer *f, struct key kept);

/* Whether a file of that size would fit if all others went. At any time. */
bool file_may_fit(struct file_layer *f, uint64_t size);

#endif
