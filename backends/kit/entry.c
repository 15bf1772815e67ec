/* One entry in memory. See entry.h. */
#include "kit/entry.h"

#include <stdlib.h>
#include <string.h>

#include "kit/entry_heap.h"

/* One level more with a chance of 1/4, drawn from the half of the hash that picks no bucket. */
static unsigned height_of(uint64_t hash)
{
	return 1 + (unsigned)__builtin_ctzll((hash >> 32) | 1ULL << 30) / 2;
}

struct entry *entry_new(struct key key, struct value *value, const struct meta *meta)
{
	uint64_t hash = key_hash(key);
	unsigned height = height_of(hash);
	struct entry *e = malloc(sizeof(*e) + height * sizeof(e->after[0]) + key.size);

	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	char *bytes = (char *)(e->after + height);
	if (key.size > 0)
		memcpy(bytes, key.bytes, key.size);
	e->key = key_make(bytes, key.size);
	e->value = value ? value_ref(value) : NULL;
	if (meta)
		meta_copy(&e->meta, meta);
	e->hash = hash;
	e->at[ORDER_DUE] = e->at[ORDER_WEIGHT] = NOT_IN_HEAP;
	e->height = height;
	return e;
}

void entry_free(struct entry *e)
{
	if (!e)
		return;
	value_unref(e->value);
	meta_fini(&e->meta);
	free(e);
}

uint64_t entry_charge_as(const struct entry *e, const struct entry *frame)
{
	enum { VALUE_OVERHEAD = 64 };                     /* struct value */
	enum { SLOTS_SIZE = 2 * sizeof(struct entry *) }; /* in the table and in a heap */
	size_t xattrs_size;

	xattrs_packed(e->meta.xattrs, &xattrs_size);
	uint64_t content = xattrs_size + (e->value ? value_size(e->value) + VALUE_OVERHEAD : 0);
	return content + SLOTS_SIZE + sizeof(*frame) + frame->height * sizeof(frame->after[0]) +
	       frame->key.size;
}

uint64_t entry_charge(const struct entry *e)
{
	return entry_charge_as(e, e);
}
