#ifndef CACHEFS_MEMORY_KEYS_H
#define CACHEFS_MEMORY_KEYS_H

/*
 * Operations on one key of a layer on the heap. `state` is a struct memory (memory/store.h). The
 * contracts, errnos included, are those of struct backend (cache.h). Thread-safe. No operation
 * waits, except for the layer's lock.
 */

#include "cache.h"

int memory_stat(void *state, struct key key, struct meta *meta);
int memory_get(void *state, struct key key, struct value **value, struct meta *meta);
int memory_peek(void *state, struct key key, struct value **value, struct meta *meta);
void memory_note_hit(void *state, struct key key);
int memory_set(void *state, struct key key, struct value *value, const struct meta *meta);
int memory_foresee(void *state, struct key key, uint64_t size);
int memory_touch(void *state, struct key key, const struct meta *meta, unsigned fields);
int memory_remove(void *state, struct key key);
int memory_rename(void *state, struct key from, struct key to);

#endif
