#ifndef CACHEFS_STATE_FILE_H
#define CACHEFS_STATE_FILE_H

/* Prepares the database file of a state directory, and replaces a damaged one. For state.c. */

#include "base/problem.h"
#include "base/time_source.h"

#define STATE_FILE "state.sqlite"

/* Makes sure that the database is there, whole and of our schema. A damaged one is moved aside, to
 * a name with the time. */
int state_file_prepare(const char *path, const struct time_source *time, struct problem *problem);

#endif
