#ifndef CACHEFS_DISK_HITS_H
#define CACHEFS_DISK_HITS_H

/*
 * Hits that are not in the database yet: a bounded table by key, emptied by the writer in batches.
 * When it is full, hits of further keys are lost, which costs some order of eviction. What the
 * writer takes stays countable until its transaction has ended, so that nobody sees a key with
 * fewer hits than before. Thread-safe, but what the writer calls is for one thread at a time.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/key.h"
#include "base/lock.h"
#include "base/meta.h"
#include "base/time_source.h"

struct disk_hit {
	struct disk_hit *next;  /* in its bucket */
	struct disk_hit *other; /* taken before it, by the same transaction */
	bool taken;
	uint64_t hash;
	uint64_t count;
	double used; /* when last, as recency counts it */
	size_t key_size;
	char key_bytes[];
};

enum { DISK_HIT_BUCKETS = 1024, DISK_HITS_MAX = 8192, DISK_HITS_MANY = 2048 };

struct disk_hits {
	struct lock lock; /* RANK_LAYER_INNER; guards the rest, and changes of `settled` */
	struct disk_hit *buckets[DISK_HIT_BUCKETS];
	size_t count;                 /* without what is taken */
	size_t cursor;                /* the bucket that disk_hits_take_next() looks at next */
	struct disk_hit *taken;       /* by the writer's transaction */
	atomic_uint_fast64_t settled; /* transactions that had taken some and have ended */
	/* Without the lock: */
	const struct time_source *time;
	atomic_uint_fast64_t tick_us; /* the last instant given out */
};

void disk_hits_init(struct disk_hits *hits, const struct time_source *time); /* borrowed */
void disk_hits_fini(struct disk_hits *hits);

/*
 * Now, as recency counts it: seconds since 1970, each time more than before. What the database has
 * already, in microseconds, is older than what comes next; what nobody can have counted is ignored.
 */
double disk_hits_tick(struct disk_hits *hits);
void disk_hits_go_on(struct disk_hits *hits, int64_t newest_us);

/* A hit of the key, now. True: time to empty the table. */
bool disk_hits_note(struct disk_hits *hits, struct key key);

/* To be asked before a row is read whose hits disk_hits_add() will complete. */
uint64_t disk_hits_settled(const struct disk_hits *hits);

/*
 * Adds what the table has of the key to what its row said; row_used: when the row was used last.
 * False, and nothing is added: a transaction has ended since `settled`, and the row may have been
 * read before it; to be read again.
 */
bool disk_hits_add(struct disk_hits *hits, struct key key, double row_used, uint64_t settled,
		   struct meta *meta);
size_t disk_hits_count(struct disk_hits *hits);

/* --- the writer's ----------------------------------------------------------------------------- */

/* One key's hits, or those of any key, to be written by the transaction; NULL: there are none. They
 * stay the table's. */
const struct disk_hit *disk_hits_take(struct disk_hits *hits, struct key key);
const struct disk_hit *disk_hits_take_next(struct disk_hits *hits);

/* The transaction has ended: what it took is in the database, or is put back. */
void disk_hits_settle(struct disk_hits *hits, bool written);

#endif
