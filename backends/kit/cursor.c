/* Where a listing is. See cursor.h. */
#include "kit/cursor.h"

#include <assert.h>
#include <string.h>

/* Puts the cursor behind what begins with key: its first `size` bytes and then `next`. */
static void move(struct cursor *c, struct key key, size_t size, char next)
{
	assert(size < sizeof(c->at.bytes));
	memmove(c->at.bytes, key.bytes, size);
	c->at.bytes[size] = next;
	c->at.size = size + 1;
}

struct key marker_key(struct key_buffer *buffer, struct key dir)
{
	struct key_buffer end;

	buffer->size = 0;
	if (dir.size > 0)
		key_range(dir, buffer, &end);
	return key_kept(buffer);
}

bool marker_key_is_valid(struct key key)
{
	if (key.size == 0)
		return true;
	return key.bytes[key.size - 1] == '/' && key_is_valid(key_make(key.bytes, key.size - 1)) &&
	       key_can_hold(key_make(key.bytes, key.size - 1));
}

struct key cursor_at(const struct cursor *c)
{
	return key_kept(&c->at);
}

int cursor_start(struct cursor *c, struct key dir, struct key after, bool after_is_dir)
{
	c->dir = dir;
	if (after.size == 0 && !after_is_dir) {
		marker_key(&c->at, dir);
		return 0;
	}
	int rc = key_join(&c->at, dir, after);
	if (rc == 0)
		move(c, cursor_at(c), c->at.size, after_is_dir ? '0' : '\0');
	return rc;
}

bool cursor_is_own_marker(const struct cursor *c, struct key marker)
{
	return marker.size == (c->dir.size > 0 ? c->dir.size + 1 : 0);
}

struct key cursor_pass(struct cursor *c, struct key key, bool *is_dir, struct key *marker)
{
	struct key name = key_child(key, c->dir, is_dir);
	size_t size = (size_t)(name.bytes + name.size - key.bytes);

	*marker = key_make(key.bytes, *is_dir ? size + 1 : size);
	move(c, key, size, *is_dir ? '0' : '\0');
	return name;
}
