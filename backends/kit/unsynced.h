#ifndef CACHEFS_UNSYNCED_H
#define CACHEFS_UNSYNCED_H

/*
 * The names in a directory that have changed since they were last made safe against power loss: so
 * that a sync costs what has changed, not all that the file system has to write. Past a bound it is
 * the whole file system after all. Thread-safe.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/lock.h"
#include "base/time_source.h"

enum { UNSYNCED_MAX = 1024 };

struct unsynced {
	struct lock lock; /* RANK_LAYER_INNER; guards: */
	pthread_cond_t synced;
	char **names;
	size_t count;
	bool overflow; /* more than fit */
	bool syncing;
};

int unsynced_init(struct unsynced *u); /* 0 or -ENOMEM; to be ended in any case */
void unsynced_fini(struct unsynced *u);

/* A file of this name was made, replaced or removed. Never fails, never waits. */
void unsynced_note(struct unsynced *u, const char *name);

/*
 * What was noted before the call is on disk when it returns 0: the files, the directory of this
 * path, and its own name. -errno: it may not be, and the next sync is about it as well. One at a
 * time, and each waits for the one before at most a minute by that clock: -ETIMEDOUT. Blocks for as
 * long as the disk takes.
 */
int unsynced_sync(struct unsynced *u, const char *directory, const struct time_source *time);

#endif
