#ifndef CACHEFS_DISK_WATCH_H
#define CACHEFS_DISK_WATCH_H

/*
 * Changes of the database by other programs and other daemons. They are read from the log of
 * changes in the database, on a separate connection. See disk/watch.c.
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
	DISK_HEADER_WORDS = 12, /* the words of the WAL's index that a commit changes: 48 bytes */
};

struct disk_watch {
	struct lock lock; /* RANK_LAYER_INNER; guards: */
	pthread_cond_t looked;
	bool looking;                      /* a thread uses the connection */
	bool attached;                     /* once at least */
	bool lost;                         /* the log may lack some changes */
	int64_t position;                  /* all changes up to this seq are known */
	struct disk_own own[DISK_OWN_MAX]; /* our rows behind `position` */
	size_t own_count;
	/* used by the thread that looks; other threads read them under the lock: */
	struct db db;
	const volatile uint32_t *header; /* of the WAL's index, in shared memory; or NULL */
	uint32_t seen[DISK_HEADER_WORDS];
	int64_t data_version, schema_version;
};

void disk_watch_init(struct disk *d);
void disk_watch_fini(struct disk *d);

/* Calls env->changed() for the changes of others since the last catch-up. False: the changes could
 * not be read. Thread-safe; the caller holds no lock. */
bool disk_watch_catch_up(struct disk *d);

/* --- for who owns the connection for writing -------------------------------------------------- */

/* Call it after the database was opened. The changes before are unknown: if it is not the first
 * opening, the next disk_watch_catch_up() reports that anything may have changed. */
void disk_watch_attach(struct disk *d);
bool disk_watch_is_attached(const struct disk *d); /* false: its connection failed to open */

/* Call it before the database is closed. */
void disk_watch_detach(struct disk *d);

/*
 * disk_watch_own() notes the rows of the log that our transaction wrote. Call it before the commit,
 * while nobody else can write. disk_watch_disown() takes the note back; call it if the commit
 * failed.
 */
void disk_watch_own(struct disk *d, struct disk_own logged);
void disk_watch_disown(struct disk *d, struct disk_own logged);

#endif
