/* The keys of markers. See marker.h. */
#include "kit/marker.h"

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
