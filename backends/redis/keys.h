#ifndef CACHEFS_REDIS_KEYS_H
#define CACHEFS_REDIS_KEYS_H

/*
 * Operations on one key. They note what other programs did to the key in the index (redis/look.h).
 * A value and its member change in one transaction. `state` is a struct redis. The functions have
 * the contracts of struct backend (cache.h). Thread-safe.
 */

#include "cache.h"

int redis_stat(void *state, struct key key, struct meta *meta);
int redis_get(void *state, struct key key, struct value **value, struct meta *meta);
int redis_peek(void *state, struct key key, struct value **value, struct meta *meta);
int redis_revalidate(void *state, struct key key, const struct meta *meta);
int redis_set(void *state, struct key key, struct value *value, const struct meta *meta);
int redis_touch(void *state, struct key key, const struct meta *meta, unsigned fields);
int redis_remove(void *state, struct key key);
int redis_rename(void *state, struct key from, struct key to);

#endif
