/* Lists of byte strings. See disk/names.h. */
#include "disk/names.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int disk_names_add(struct disk_names *names, const void *bytes, size_t size)
{
	assert(names->count <= names->capacity);
	if (names->count == names->capacity) {
		size_t capacity = names->capacity > 0 ? names->capacity * 2 : 16;
		struct disk_name *items = reallocarray(names->items, capacity, sizeof(*items));
		if (!items)
			return -ENOMEM;
		names->items = items;
		names->capacity = capacity;
	}
	char *copy = malloc(size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	names->items[names->count++] = (struct disk_name){ copy, size };
	return 0;
}

struct key disk_names_last(const struct disk_names *names)
{
	assert(names->count > 0);
	const struct disk_name *last = &names->items[names->count - 1];
	return key_make(last->bytes, last->size);
}

void disk_names_drop_last(struct disk_names *names)
{
	assert(names->count > 0);
	free(names->items[--names->count].bytes);
}

void disk_names_strike(struct disk_names *names, struct key key)
{
	for (size_t i = 0; i < names->count; i++)
		if (key_equal(key, key_make(names->items[i].bytes, names->items[i].size)))
			names->items[i].size = 0;
}

void disk_names_fini(struct disk_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i].bytes);
	free(names->items);
	*names = (struct disk_names){ 0 };
}
