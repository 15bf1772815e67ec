#ifndef CACHEFS_DISK_GET_H
#define CACHEFS_DISK_GET_H

/*
 * Gets: read on a connection of the pool, never with a commit; a hit waits in disk/hits.c. Calls of
 * struct backend, which has their contract.
 */

#include "base/key.h"
#include "base/meta.h"
#include "base/value.h"

int disk_stat(void *state, struct key key, struct meta *meta);
int disk_get(void *state, struct key key, struct value **value, struct meta *meta);
int disk_peek(void *state, struct key key, struct value **value, struct meta *meta);
int disk_revalidate(void *state, struct key key, const struct meta *copy);
void disk_note_hit(void *state, struct key key);

#endif
