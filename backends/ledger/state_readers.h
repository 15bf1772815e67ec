#ifndef CACHEFS_STATE_READERS_H
#define CACHEFS_STATE_READERS_H

/* The state's connections for reading. Some are kept open for the next reader. Thread-safe; call
 * with no lock held. */

#include <pthread.h>
#include <stdbool.h>

#include "base/lock.h"
#include "kit/db.h"

struct state_readers {
	const char *path; /* borrowed */
	const struct time_source *time;
	struct lock lock; /* RANK_LAYER_INNER; guards: */
	pthread_cond_t returned;
	struct db *idle;
	int idle_count, count; /* count: those in use too */
	bool closed;           /* the database is being opened anew */
};

void state_readers_init(struct state_readers *r, const char *path, const struct time_source *time);
void state_readers_fini(struct state_readers *r); /* none is in use */

/* Gets a connection for one thread, until it is given back. NULL: out of memory, out of order, or
 * closed for too long. */
struct db *state_readers_take(struct state_readers *r);
void state_readers_give(struct state_readers *r, struct db *db); /* NULL is fine */

/* Closes all connections, and lets none be opened until state_readers_open(). False: one is in use
 * for too long. */
bool state_readers_close(struct state_readers *r);
void state_readers_open(struct state_readers *r);

#endif
