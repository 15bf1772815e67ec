#ifndef CACHEFS_FILE_EVICT_H
#define CACHEFS_FILE_EVICT_H

/* Removes entries from a file layer: on request, expired, or evicted, the oldest first, for
 * max_files or because the disk is full (free_space.h). Within a change, with no lock held. */

#include "file/layer.h"

enum file_reason { FILE_REMOVED, FILE_EVICTED, FILE_EXPIRED };

/* Removes an entry with its file; calls env->gone() unless the reason is FILE_REMOVED. 0, -ENOENT,
 * or -errno of the file system. An expired entry leaves the index in any case. */
int file_drop(struct file_layer *f, struct key key, enum file_reason reason);

/* Removes the file `name` with the key's entry, any other file with the key, and both from the
 * index. 0 or -errno. */
int file_remove_files(struct file_layer *f, struct key key, const char *name);

/* Removes some expired entries. */
void file_expire(struct file_layer *f);

/* Evicts until max_files allows so many entries more. 0 or -errno. */
int file_make_room(struct file_layer *f, uint64_t more);

/* On a full disk: evicts until a file of that size may fit, but never the entry `kept` (KEY_ROOT:
 * none). False: nothing was evicted. */
bool file_make_space(struct file_layer *f, uint64_t size, struct key kept);

/* Evicts until min_free_mb is free, but never the entry `kept`. */
void file_keep_free(struct file_layer *f, struct key kept);

/* True if a file of that size would fit after the eviction of all entries. At any time. */
bool file_may_fit(struct file_layer *f, uint64_t size);

#endif
