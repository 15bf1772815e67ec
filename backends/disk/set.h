#ifndef CACHEFS_DISK_SET_H
#define CACHEFS_DISK_SET_H

/*
 * Sets: a value becomes a row, or a file beside the database, and a job for the writer. The
 * functions are operations of struct backend and have its contract.
 */

#include <stdint.h>

#include "base/key.h"
#include "base/meta.h"
#include "base/value.h"

int disk_set(void *state, struct key key, struct value *value, const struct meta *meta);
int disk_foresee(void *state, struct key key, uint64_t size);
int disk_free_space(void *state, struct key key, uint64_t bytes);
int disk_temp_file(void *state);
int disk_sync(void *state);

#endif
