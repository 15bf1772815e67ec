#ifndef CACHEFS_REDIS_KEYS_H
#define CACHEFS_REDIS_KEYS_H

/*
 * Operations on one key. What others did to it is noted in the index as it is met (redis/look.h);
 * a value and its member change in one transaction. `state` is a struct redis; contracts are those
 * of struct backend (cache.h). Thread-safe.
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
