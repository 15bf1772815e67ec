/* See cookies.h. */
#include "verbs/cookies.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 64 };

#define COOKIE_MASK UINT64_C(0x7fffffff)

void cookies_fini(struct cookies *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->items[i].name);
	free(c->items);
	free(c->slots);
	*c = (struct cookies){ 0 };
}

/* The slot of a value, or the free one where it would be. There always is a free one. */
static uint32_t *slot_of(const struct cookies *c, uint32_t value)
{
	size_t i = value & (c->capacity - 1);

	while (c->slots[i] != 0 && c->items[c->slots[i] - 1].value != value)
		i = (i + 1) & (c->capacity - 1);
	return &c->slots[i];
}

/* At most half of the slots are taken. */
static bool make_slots(struct cookies *c)
{
	struct cookies larger = *c;

	if (c->count * 2 < c->capacity)
		return true;
	larger.capacity = c->capacity ? c->capacity * 2 : CAPACITY_MIN;
	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < c->count; i++)
		*slot_of(&larger, c->items[i].value) = (uint32_t)i + 1;
	free(c->slots);
	*c = larger;
	return true;
}

static bool make_room(struct cookies *c)
{
	if (c->count == c->room) {
		size_t room = c->room ? c->room + c->room / 2 : CAPACITY_MIN / 2;
		struct cookie *items = realloc(c->items, room * sizeof(*items));
		if (!items)
			return false;
		c->items = items;
		c->room = room;
	}
	return make_slots(c);
}

static uint32_t next_value(uint32_t value)
{
	return value < COOKIE_MASK ? value + 1 : COOKIE_FIRST;
}

/* Of two names with one hash, the later has the next value that is free. */
struct cookie *cookies_claim(struct cookies *c, struct key name)
{
	uint32_t value = (uint32_t)(key_hash(name) & COOKIE_MASK);

	if (c->count >= COOKIE_MASK / 2 || !make_room(c))
		return NULL;
	if (value < COOKIE_FIRST)
		value += COOKIE_FIRST;
	for (;; value = next_value(value)) {
		uint32_t *slot = slot_of(c, value);
		struct cookie *item = *slot ? &c->items[*slot - 1] : &c->items[c->count];
		if (*slot && !key_equal(key_make(item->name, item->size), name))
			continue;
		if (*slot)
			return item;
		char *copy = key_copy(name);
		if (!copy)
			return NULL;
		*item = (struct cookie){ .name = copy,
					 .size = (uint32_t)name.size,
					 .value = value };
		*slot = (uint32_t)++c->count;
		return item;
	}
}

const struct cookie *cookies_find(const struct cookies *c, uint64_t value)
{
	if (c->capacity == 0 || value < COOKIE_FIRST || value > COOKIE_MASK)
		return NULL;
	uint32_t number = *slot_of(c, (uint32_t)value);
	return number ? &c->items[number - 1] : NULL;
}
