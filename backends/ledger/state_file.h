#ifndef CACHEFS_STATE_FILE_H
#define CACHEFS_STATE_FILE_H

/* The files of a state directory: who holds it, what is in it, what becomes of a damaged one. For
 * state.c. */

#include "base/problem.h"
#include "base/time_source.h"

#define STATE_FILE "state.sqlite"

/* What the lock file says of its holder. */
enum state_holder { STATE_RUNNING, STATE_ENDING };

/* Makes the directory and takes its lock; the fd holds it. */
int state_file_lock(const char *dir, int *fd, struct problem *problem);
void state_file_mark(int fd, enum state_holder holder);

/* The database is there, whole and of our schema; a damaged one has been moved aside, to a name
 * with the time. */
int state_file_prepare(const char *path, const struct time_source *time, struct problem *problem);

#endif
