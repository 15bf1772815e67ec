#ifndef CACHEFS_KEY_NUMBERS_H
#define CACHEFS_KEY_NUMBERS_H

/*
 * A number for each recent key, in a table of fixed size. A key can lose its number to another key
 * at any time. Two keys whose hashes agree in 32 bits and in the slot share one number. So the
 * numbers serve only uses that need not be exact. Thread-safe, without a lock.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/key.h"

struct key_numbers {
	size_t slot_count;
	atomic_uint_fast64_t *slots; /* NULL: not initialized */
};

int key_numbers_init(struct key_numbers *n, size_t slot_count); /* 0 or -ENOMEM */
void key_numbers_fini(struct key_numbers *n);                   /* also for = {0} */

void key_numbers_set(struct key_numbers *n, struct key key, uint32_t number);
bool key_numbers_get(const struct key_numbers *n, struct key key, uint32_t *number);
/*
 * Adds one to the number of the key (0 without a number), up to UINT32_MAX, and returns the result.
 */
uint32_t key_numbers_count(struct key_numbers *n, struct key key);
void key_numbers_forget(struct key_numbers *n, struct key key);

#endif
