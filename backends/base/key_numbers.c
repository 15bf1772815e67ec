/* The table of numbers for recent keys. See key_numbers.h. */
#include "base/key_numbers.h"

#include <errno.h>
#include <stdlib.h>

/* A slot is one word, so that it changes in one step: the upper half of a key's hash, whose lower
 * half leads to the slot, over the number. */
static atomic_uint_fast64_t *slot_of(const struct key_numbers *n, uint64_t hash)
{
	return &n->slots[hash % n->slot_count];
}

static uint64_t slot_word(uint64_t hash, uint32_t number)
{
	return hash >> 32 << 32 | number;
}

static bool is_same_key(uint64_t slot, uint64_t hash)
{
	return slot != 0 && slot >> 32 == hash >> 32;
}

int key_numbers_init(struct key_numbers *n, size_t slot_count)
{
	*n = (struct key_numbers){ .slot_count = slot_count,
				   .slots = calloc(slot_count, sizeof(n->slots[0])) };
	return n->slots ? 0 : -ENOMEM;
}

void key_numbers_fini(struct key_numbers *n)
{
	free((void *)n->slots);
	n->slots = NULL;
}

void key_numbers_set(struct key_numbers *n, struct key key, uint32_t number)
{
	uint64_t hash = key_hash(key);

	atomic_store_explicit(slot_of(n, hash), slot_word(hash, number), memory_order_relaxed);
}

bool key_numbers_get(const struct key_numbers *n, struct key key, uint32_t *number)
{
	uint64_t hash = key_hash(key);
	uint64_t slot = atomic_load_explicit(slot_of(n, hash), memory_order_relaxed);

	*number = (uint32_t)slot;
	return is_same_key(slot, hash);
}

uint32_t key_numbers_count(struct key_numbers *n, struct key key)
{
	uint64_t hash = key_hash(key);
	atomic_uint_fast64_t *slot = slot_of(n, hash);
	uint_fast64_t now = atomic_load_explicit(slot, memory_order_relaxed);
	uint32_t number;

	do {
		number = is_same_key(now, hash) ? (uint32_t)now : 0;
		number += number < UINT32_MAX;
	} while (!atomic_compare_exchange_weak_explicit(
		slot, &now, slot_word(hash, number), memory_order_relaxed, memory_order_relaxed));
	return number;
}

void key_numbers_forget(struct key_numbers *n, struct key key)
{
	uint64_t hash = key_hash(key);
	atomic_uint_fast64_t *slot = slot_of(n, hash);
	uint_fast64_t now = atomic_load_explicit(slot, memory_order_relaxed);

	if (is_same_key(now, hash)) /* or another key has taken its place by now */
		atomic_compare_exchange_strong_explicit(slot, &now, 0, memory_order_relaxed,
							memory_order_relaxed);
}
