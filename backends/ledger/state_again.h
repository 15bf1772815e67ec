#ifndef CACHEFS_STATE_AGAIN_H
#define CACHEFS_STATE_AGAIN_H

/*
 * A state directory that was removed, or some of it, while a daemon has its database open: what is
 * made anew, and what of it was lost. For state_writer.c, and one thread at a time.
 */

#include <sqlite3.h>

#include "base/time_source.h"

/* All that the open database holds, written to the path and synced; what is there now gets another
 * name. 0 or -errno, and the log has been told. */
int state_again_write(sqlite3 *from, const char *path, const struct time_source *time);

/* How many rows of the journal name a file that is not beside the database at the path. */
unsigned state_again_missing(sqlite3 *db, const char *path);

#endif
