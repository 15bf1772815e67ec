#ifndef CACHEFS_STATE_AGAIN_H
#define CACHEFS_STATE_AGAIN_H

/*
 * Repairs a state directory that was removed, or some of it, while a daemon has its database open.
 * For state_writer.c, and one thread at a time.
 */

#include <sqlite3.h>

#include "base/time_source.h"

/* Writes all that the open database holds to the path, and syncs. A file that is there now gets
 * another name. 0 or -errno, which is logged. */
int state_again_write(sqlite3 *from, const char *path, const struct time_source *time);

/* Counts the rows of the journal that name a file that is not beside the database at the path. */
unsigned state_again_missing(sqlite3 *db, const char *path);

#endif
