/* See cookies.h. */
#include "cookies.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 64 };

#define COOKIE_MASK UINT64_C(0x7fffffff)

void cookies_fini(struct cookies *c)
{
	for (size_t i = 0; i < c->capacity; i++)
		free(c->slots[i].name);
	free(c->slots);
	*c = (struct cookies){ 0 };
}

/* The slot of a value, or the free one where it would be. There always is a free one. */
static struct cookie *slot_of(const struct cookies *c, uint32_t value)
{
	size_t i = value & (c->capacity - 1);

	while (c->slots[i].name && c->slots[i].value != value)
		i = (i + 1) & (c->capacity - 1);
	return &c->slots[i];
}

/* At most half of the slots are taken. */
static bool make_room(struct cookies *c)
{
	struct cookies larger = { .count = c->count };

	if (c->count * 2 < c->capacity)
		return true;
	larger.capacity = c->capacity ? c->capacity * 2 : CAPACITY_MIN;
	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < c->capacity; i++)
		if (c->slots[i].name)
			*slot_of(&larger, c->slots[i].value) = c->slots[i];
	free(c->slots);
	*c = larger;
	return true;
}

static uint32_t next_value(uint32_t value)
{
	return value < COOKIE_MASK ? value + 1 : COOKIE_FIRST;
}

/* Of two names with one hash, the later has the next value that is free. */
struct cookie *cookies_claim(struct cookies *c, struct key name)
{
	uint32_t value = (uint32_t)(key_hash(name) & COOKIE_MASK);

	if (!make_room(c))
		return NULL;
	if (value < COOKIE_FIRST)
		value += COOKIE_FIRST;
	for (;; value = next_value(value)) {
		struct cookie *slot = slot_of(c, value);
		if (slot->name && !key_equal(key_make(slot->name, slot->size), name))
			continue;
		if (slot->name)
			return slot;
		char *copy = key_copy(name);
		if (!copy)
			return NULL;
		*slot = (struct cookie){ .name = copy, .size = name.size, .value = value };
		c->count++;
		return slot;
	}
}

const struct cookie *cookies_find(const struct cookies *c, uint64_t value)
{
	if (c->capacity == 0 || value < COOKIE_FIRST || value > COOKIE_MASK)
		return NULL;
	const struct cookie *slot = slot_of(c, (uint32_t)value);
	return slot->name ? slot : NULL;
}
