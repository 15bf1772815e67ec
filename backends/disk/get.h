#ifndef CACHEFS_DISK_GET_H
#define CACHEFS_DISK_GET_H

/*
 * Gets. A get reads on a connection of the pool and never commits; its hit waits in disk/hits.c.
 * The functions are operations of struct backend and have its contract.
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
