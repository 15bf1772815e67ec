/* See state_keys.h. */
#include "ledger/state_keys.h"

#include <string.h>

#include "kit/marker.h"

void state_bind_key(sqlite3_stmt *statement, int index, struct key key)
{
	sqlite3_bind_blob(statement, index, key.bytes, (int)key.size, SQLITE_STATIC);
}

struct key state_column_key(sqlite3_stmt *statement, int column)
{
	const char *bytes = sqlite3_column_blob(statement, column);
	int size = sqlite3_column_bytes(statement, column);

	return bytes && size > 0 ? key_make(bytes, (size_t)size) : KEY_ROOT;
}

void state_bind_range(sqlite3_stmt *statement, int index, struct key dir, struct state_range *range)
{
	struct key_buffer marker;

	state_bind_prefix(statement, index, marker_key(&marker, dir), range);
}

void state_bind_prefix(sqlite3_stmt *statement, int index, struct key prefix,
		       struct state_range *range)
{
	key_keep(&range->first, prefix);
	/* Every key sorts before 256 bytes 0xff and more: components are shorter. */
	if (!key_prefix_end(prefix, &range->end)) {
		memset(range->end.bytes, 0xff, KEY_COMPONENT_MAX + 2);
		range->end.size = KEY_COMPONENT_MAX + 2;
	}
	state_bind_key(statement, index, key_kept(&range->first));
	state_bind_key(statement, index + 1, key_kept(&range->end));
}
