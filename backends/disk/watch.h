#ifndef CACHEFS_DISK_WATCH_H
#define CACHEFS_DISK_WATCH_H

/*
 * What other programs, and other daemons, have changed in the database: read from its log of
 * changes, on a connection of its own. See disk/watch.c.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "kit/db.h"

struct disk;

/* Rows of the log of changes, by their seq; none if last < first. */
struct disk_own {
	int64_t first, last;
};

enum {
	DISK_OWN_MAX = 32,
	DISK_HEADER_WORDS = 12, /* what a commit changes of the WAL's index: 48 bytes */
};

struct disk_watch {
	struct lock lock; /* RANK_LAYER_INNER; guards: */
	pthread_cond_t looked;
	bool looking;                      /* somebody uses the connection */
	bool attached;                     /* once at least */
	bool lost;                         /* changes that the log does not tell of */
	int64_t position;                  /* all changes up to this seq are known */
	struct disk_own own[DISK_OWN_MAX]; /* not known yet, but ours */
	size_t own_count;
	/* of who is looking; read by others under the lock: */
	struct db db;
	const volatile uint32_t *header; /* of the WAL's index, in shared memory; or NULL */
	uint32_t seen[DISK_HEADER_WORDS];
	int64_t data_version, schema_version;
};

void disk_watch_init(struct disk *d);
void disk_watch_fini(struct disk *d);

/* Tells env->changed() what others have changed since the last time. False: it could not look.
 * Thread-safe; with no lock held. */
bool disk_watch_catch_up(struct disk *d);

/* --- for who owns the connection for writing -------------------------------------------------- */

/* The database has been opened (anew): what was changed up to now is not known. */
void disk_watch_attach(struct disk *d);
bool disk_watch_is_attached(const struct disk *d); /* it may have been short of something */

/* Before the database is closed. */
void disk_watch_detach(struct disk *d);

/*
 * The changes of a transaction of ours, around its commit: before, while nobody else can write;
 * afterwards only if it failed.
 */
void disk_watch_own(struct disk *d, struct disk_own logged);
void disk_watch_disown(struct disk *d, struct disk_own logged);

#endif
