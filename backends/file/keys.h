#ifndef CACHEFS_FILE_KEYS_H
#define CACHEFS_FILE_KEYS_H

/* Operations on one key of a file layer. `state` is a struct file_layer. The contracts are those of
 * struct backend (cache.h). Thread-safe. */

#include "file/layer.h"

int file_stat(void *state, struct key key, struct meta *meta);
int file_get(void *state, struct key key, struct value **value, struct meta *meta);
int file_peek(void *state, struct key key, struct value **value, struct meta *meta);
int file_revalidate(void *state, struct key key, const struct meta *copy);
int file_set(void *state, struct key key, struct value *value, const struct meta *meta);
int file_foresee(void *state, struct key key, uint64_t size);
int file_touch(void *state, struct key key, const struct meta *meta, unsigned fields);
int file_remove(void *state, struct key key);
int file_rename(void *state, struct key from, struct key to);
void file_note_hit(void *state, struct key key);

/* file_rename() within a change. */
int file_rename_within(struct file_layer *f, struct key from, struct key to);

#endif
