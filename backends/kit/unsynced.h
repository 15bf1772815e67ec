#ifndef CACHEFS_UNSYNCED_H
#define CACHEFS_UNSYNCED_H

/*
 * The names in a directory that have changed since the last sync. So a sync costs only the changed
 * files, not all data of the file system. Beyond UNSYNCED_MAX names a sync writes the whole file
 * system. Thread-safe.
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

int unsynced_init(struct unsynced *u); /* 0 or -ENOMEM; call unsynced_fini() in both cases */
void unsynced_fini(struct unsynced *u);

/* Notes that a file of this name was made, replaced or removed. Never fails, never waits. */
void unsynced_note(struct unsynced *u, const char *name);

/*
 * 0: everything noted before the call is on disk: the files, the directory of this path, and the
 * directory's own name. -errno: something may be missing, and the next sync writes it again. One
 * sync runs at a time; the next one waits at most a minute by that clock: -ETIMEDOUT. Blocks as
 * long as the disk needs.
 */
int unsynced_sync(struct unsynced *u, const char *directory, const struct time_source *time);

#endif
