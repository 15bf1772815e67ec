#ifndef CACHEFS_STATE_KEYS_H
#define CACHEFS_STATE_KEYS_H

/* Keys in the state's tables. They are BLOBs, which sort by their bytes. */

#include <sqlite3.h>

#include "base/key.h"

void state_bind_key(sqlite3_stmt *statement, int index, struct key key); /* borrowed until reset */
struct key state_column_key(sqlite3_stmt *statement, int column); /* valid until the next step */

/* Binds the range of the keys that begin with the prefix, or are below dir, to index and index + 1.
 * The statement borrows the buffers until it is reset. */
struct state_range {
	struct key_buffer first, end;
};
void state_bind_prefix(sqlite3_stmt *statement, int index, struct key prefix,
		       struct state_range *range);
void state_bind_range(sqlite3_stmt *statement, int index, struct key dir,
		      struct state_range *range);

#endif
