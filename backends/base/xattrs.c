/* Immutable sets of extended attributes. See xattrs.h. */
#include "base/xattrs.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_SIZE = 6 }; /* u16 name size, u32 value size */

struct xattr {
	const char *name;     /* terminated */
	const uint8_t *bytes; /* in the packed form */
	size_t name_size, size;
};

/* One allocation: the items, the packed form, the names. */
struct xattrs {
	atomic_size_t refs;
	size_t count;
	size_t packed_size;
	const uint8_t *packed;
	struct xattr items[];
};

/* Reads one packed attribute, its name not terminated. Returns its size; 0: malformed. */
static size_t unpack_one(const uint8_t *packed, size_t size, struct xattr *item)
{
	if (size < HEADER_SIZE)
		return 0;
	item->name_size = (size_t)packed[0] | (size_t)packed[1] << 8;
	item->size = (size_t)packed[2] | (size_t)packed[3] << 8 | (size_t)packed[4] << 16 |
		     (size_t)packed[5] << 24;
	size_t left = size - HEADER_SIZE;
	if (item->name_size == 0 || item->name_size > left || item->size > left - item->name_size)
		return 0;
	item->name = (const char *)packed + HEADER_SIZE;
	item->bytes = packed + HEADER_SIZE + item->name_size;
	if (memchr(item->name, '\0', item->name_size))
		return 0;
	return HEADER_SIZE + item->name_size + item->size;
}

static uint8_t *pack_one(uint8_t *to, const struct xattr *item)
{
	*to++ = (uint8_t)item->name_size;
	*to++ = (uint8_t)(item->name_size >> 8);
	for (unsigned shift = 0; shift < 32; shift += 8)
		*to++ = (uint8_t)(item->size >> shift);
	memcpy(to, item->name, item->name_size);
	to += item->name_size;
	if (item->size > 0)
		memcpy(to, item->bytes, item->size);
	return to + item->size;
}

/* Names are compared as text; they contain no NUL. */
static int name_compare(const struct xattr *a, const struct xattr *b)
{
	size_t common = a->name_size < b->name_size ? a->name_size : b->name_size;
	int order = memcmp(a->name, b->name, common);

	return order ? order : (a->name_size > b->name_size) - (a->name_size < b->name_size);
}

/* A set of the given items, which are in order. */
static int xattrs_build(const struct xattr *items, size_t count, struct xattrs **out)
{
	size_t packed_size = 0, names_size = 0;

	*out = NULL;
	if (count == 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		packed_size += HEADER_SIZE + items[i].name_size + items[i].size;
		names_size += items[i].name_size + 1;
	}
	if (packed_size > XATTRS_MAX_BYTES)
		return -ENOSPC;

	size_t items_size = count * sizeof(items[0]);
	struct xattrs *x = malloc(sizeof(*x) + items_size + packed_size + names_size);
	if (!x)
		return -ENOMEM;
	uint8_t *packed = (uint8_t *)(x->items + count);
	char *names = (char *)packed + packed_size;
	atomic_init(&x->refs, 1);
	x->count = count;
	x->packed_size = packed_size;
	x->packed = packed;
	for (size_t i = 0; i < count; i++) {
		packed = pack_one(packed, &items[i]);
		memcpy(names, items[i].name, items[i].name_size);
		names[items[i].name_size] = '\0';
		x->items[i] = (struct xattr){ .name = names,
					      .bytes = packed - items[i].size,
					      .name_size = items[i].name_size,
					      .size = items[i].size };
		names += items[i].name_size + 1;
	}
	*out = x;
	return 0;
}

struct xattrs *xattrs_ref(struct xattrs *x)
{
	if (x)
		atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
	return x;
}

void xattrs_unref(struct xattrs *x)
{
	if (!x)
		return;
	size_t before = atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel);
	assert(before > 0);
	if (before == 1)
		free(x);
}

/* Where the name is, or would be. */
static size_t position(const struct xattrs *x, const struct xattr *wanted, bool *found)
{
	size_t i = 0;
	int order = 1;

	*found = false;
	while (x && i < x->count && (order = name_compare(&x->items[i], wanted)) < 0)
		i++;
	*found = x && i < x->count && order == 0;
	return i;
}

const void *xattrs_find(const struct xattrs *x, const char *name, size_t *size)
{
	struct xattr wanted = { .name = name, .name_size = strlen(name) };
	bool found;
	size_t i = position(x, &wanted, &found);

	if (!found)
		return NULL;
	*size = x->items[i].size;
	return x->items[i].bytes;
}

/* x without `skip` items at `at`, with `added` (may be NULL) in their place. */
static int xattrs_splice(const struct xattrs *x, size_t at, size_t skip, const struct xattr *added,
			 struct xattrs **out)
{
	size_t count = x ? x->count : 0, made = at;
	struct xattr *items = malloc((count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	if (at > 0)
		memcpy(items, x->items, at * sizeof(*items));
	if (added)
		items[made++] = *added;
	for (size_t i = at + skip; i < count; i++)
		items[made++] = x->items[i];
	int rc = xattrs_build(items, made, out);
	free(items);
	return rc;
}

int xattrs_with(const struct xattrs *x, const char *name, const void *bytes, size_t size,
		struct xattrs **out)
{
	struct xattr added = { name, bytes, .name_size = strlen(name), .size = size };
	bool found;

	assert(added.name_size > 0);
	*out = NULL;
	if (size > XATTRS_MAX_BYTES || added.name_size > UINT16_MAX)
		return -ENOSPC;
	size_t at = position(x, &added, &found);
	if (!found && x && x->count >= XATTRS_MAX_COUNT)
		return -ENOSPC;
	return xattrs_splice(x, at, found ? 1 : 0, &added, out);
}

int xattrs_without(const struct xattrs *x, const char *name, struct xattrs **out)
{
	struct xattr wanted = { .name = name, .name_size = strlen(name) };
	bool found;
	size_t at = position(x, &wanted, &found);

	*out = NULL;
	return found ? xattrs_splice(x, at, 1, NULL, out) : -ENODATA;
}

const char *xattrs_name(const struct xattrs *x, size_t i)
{
	return x && i < x->count ? x->items[i].name : NULL;
}

const void *xattrs_packed(const struct xattrs *x, size_t *size)
{
	*size = x ? x->packed_size : 0;
	return x ? x->packed : NULL;
}

/* Counts the attributes of a packed form; -EINVAL if malformed, out of order or too large. */
static int packed_count(const uint8_t *packed, size_t size, size_t *count)
{
	struct xattr item, last = { 0 };

	if (size > XATTRS_MAX_BYTES)
		return -EINVAL;
	for (*count = 0; size > 0; ++*count) {
		size_t taken = unpack_one(packed, size, &item);
		if (taken == 0 || (*count > 0 && name_compare(&last, &item) >= 0))
			return -EINVAL;
		last = item;
		packed += taken;
		size -= taken;
	}
	return 0;
}

int xattrs_unpack(const void *packed, size_t size, struct xattrs **out)
{
	const uint8_t *at = packed;
	size_t count;

	*out = NULL;
	int rc = packed_count(packed, size, &count);
	if (rc < 0 || count == 0)
		return rc;
	struct xattr *items = malloc(count * sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		at += unpack_one(at, (size_t)((const uint8_t *)packed + size - at), &items[i]);
	rc = xattrs_build(items, count, out);
	free(items);
	return rc;
}
