/* Keys: comparing, cutting and joining paths of entries. See key.h. */
#include "base/key.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

struct key key_of(const char *text)
{
	return key_make(text, strlen(text));
}

struct key key_make(const char *bytes, size_t size)
{
	return (struct key){ bytes, size };
}

bool key_is_valid(struct key key)
{
	return key.size > 0 && key.size <= KEY_MAX;
}

static bool component_is_path(const char *name, size_t size)
{
	if (size == 0 || size > KEY_COMPONENT_MAX || memchr(name, '\0', size))
		return false;
	if (name[0] != '.')
		return true;
	return size > 1 && !(size == 2 && name[1] == '.');
}

bool key_is_path(struct key key)
{
	if (!key_is_valid(key))
		return false;
	for (;;) {
		const char *slash = memchr(key.bytes, '/', key.size);
		if (!slash)
			return component_is_path(key.bytes, key.size);
		size_t size = (size_t)(slash - key.bytes);
		if (!component_is_path(key.bytes, size))
			return false;
		key = key_make(slash + 1, key.size - size - 1);
	}
}

bool key_equal(struct key a, struct key b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

int key_compare(struct key a, struct key b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	int order = common > 0 ? memcmp(a.bytes, b.bytes, common) : 0;

	if (order != 0)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

bool key_is_below(struct key key, struct key dir)
{
	if (dir.size == 0)
		return key.size > 0;
	return key.size > dir.size && key.bytes[dir.size] == '/' &&
	       memcmp(key.bytes, dir.bytes, dir.size) == 0;
}

bool key_begins(struct key key, struct key prefix)
{
	return key.size >= prefix.size &&
	       (prefix.size == 0 || memcmp(key.bytes, prefix.bytes, prefix.size) == 0);
}

bool key_dir_begins(struct key dir, struct key prefix)
{
	if (dir.size == 0 || prefix.size != dir.size + 1)
		return key_begins(dir, prefix);
	return prefix.bytes[dir.size] == '/' && key_begins(prefix, dir);
}

uint64_t key_hash(struct key key)
{
	return XXH3_64bits(key.bytes, key.size);
}

struct key key_relative(struct key key, struct key dir)
{
	assert(key_is_below(key, dir));
	size_t skip = dir.size == 0 ? 0 : dir.size + 1;
	return key_make(key.bytes + skip, key.size - skip);
}

/* How many of a key's bytes are slashes before anything else. */
static size_t leading_slashes(struct key key)
{
	size_t count = 0;

	while (count < key.size && key.bytes[count] == '/')
		count++;
	return count;
}

struct key key_child(struct key key, struct key dir, bool *is_dir)
{
	struct key rest = key_relative(key, dir);
	size_t skip = dir.size == 0 ? leading_slashes(rest) : 0;
	const char *slash = memchr(rest.bytes + skip, '/', rest.size - skip);

	*is_dir = slash;
	return slash ? key_make(rest.bytes, (size_t)(slash - rest.bytes)) : rest;
}

bool key_can_hold(struct key key)
{
	return key.size == 0 || leading_slashes(key) < key.size;
}

struct key key_parent(struct key key)
{
	size_t skip = leading_slashes(key);
	const char *rest = key.bytes + skip;
	const char *slash = key.size > skip ? memrchr(rest, '/', key.size - skip) : NULL;

	return slash ? key_make(key.bytes, (size_t)(slash - key.bytes)) : KEY_ROOT;
}

char *key_copy(struct key key)
{
	char *copy = malloc(key.size + 1);

	if (!copy)
		return NULL;
	if (key.size > 0)
		memcpy(copy, key.bytes, key.size);
	copy[key.size] = '\0';
	return copy;
}

static void buffer_add(struct key_buffer *buffer, const char *bytes, size_t size)
{
	assert(size < sizeof(buffer->bytes) - buffer->size);
	if (size > 0)
		memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
	buffer->bytes[buffer->size] = '\0';
}

struct key key_keep(struct key_buffer *buffer, struct key key)
{
	assert(key.size <= sizeof(buffer->bytes));
	if (key.size > 0)
		memmove(buffer->bytes, key.bytes, key.size);
	buffer->size = key.size;
	return key_kept(buffer);
}

struct key key_kept(const struct key_buffer *buffer)
{
	return key_make(buffer->bytes, buffer->size);
}

int key_moved(struct key_buffer *buffer, struct key key, struct key from, struct key to,
	      size_t most)
{
	assert(key_begins(key, from) && most < sizeof(buffer->bytes));
	size_t rest = key.size - from.size;

	if (to.size > most || rest > most - to.size)
		return -ENAMETOOLONG;
	key_keep(buffer, to);
	memcpy(buffer->bytes + to.size, key.bytes + from.size, rest);
	buffer->size += rest;
	return 0;
}

int key_join(struct key_buffer *buffer, struct key dir, struct key name)
{
	size_t prefix = dir.size == 0 ? 0 : dir.size + 1;

	if (prefix > KEY_MAX || name.size > KEY_MAX - prefix)
		return -ENAMETOOLONG;
	buffer->size = 0;
	if (prefix > 0) {
		buffer_add(buffer, dir.bytes, dir.size);
		buffer_add(buffer, "/", 1);
	}
	buffer_add(buffer, name.bytes, name.size);
	return 0;
}

bool key_prefix_end(struct key prefix, struct key_buffer *end)
{
	size_t size = prefix.size;

	while (size > 0 && (unsigned char)prefix.bytes[size - 1] == 0xff)
		size--;
	end->size = 0;
	if (size == 0)
		return false;
	buffer_add(end, prefix.bytes, size);
	end->bytes[size - 1] = (char)((unsigned char)end->bytes[size - 1] + 1);
	return true;
}

void key_range(struct key dir, struct key_buffer *first, struct key_buffer *end)
{
	assert(key_is_valid(dir));
	first->size = end->size = 0;
	buffer_add(first, dir.bytes, dir.size);
	buffer_add(first, "/", 1);
	buffer_add(end, dir.bytes, dir.size);
	buffer_add(end, "0", 1);
}
