#ifndef CACHEFS_DISK_HITS_H
#define CACHEFS_DISK_HITS_H

/*
 * Hits that are not in the database yet: a bounded table by key, which the writer empties in
 * batches. A full table drops the hits of further keys, so the order of eviction becomes less
 * exact. Hits that the writer has taken still count until its transaction has ended, so nobody sees
 * a key with fewer hits than before. Thread-safe, but only one thread at a time may call the
 * writer's functions.
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
	struct disk_hit *other; /* the hit that the same transaction took before this one */
	bool taken;
	uint64_t hash;
	uint64_t count;
	double used; /* time of the last use, as of disk_hits_tick() */
	size_t key_size;
	char key_bytes[];
};

enum { DISK_HIT_BUCKETS = 1024, DISK_HITS_MAX = 8192, DISK_HITS_MANY = 2048 };

struct disk_hits {
	struct lock lock; /* RANK_LAYER_INNER; guards the rest, and changes of `settled` */
	struct disk_hit *buckets[DISK_HIT_BUCKETS];
	size_t count;                 /* hits that no transaction has taken */
	size_t cursor;                /* the bucket that disk_hits_take_next() looks at next */
	struct disk_hit *taken;       /* hits that the writer's transaction has taken */
	atomic_uint_fast64_t settled; /* ended transactions that had taken hits */
	/* Without the lock: */
	const struct time_source *time;
	atomic_uint_fast64_t tick_us; /* the last instant that disk_hits_tick() returned */
};

void disk_hits_init(struct disk_hits *hits, const struct time_source *time); /* borrowed */
void disk_hits_fini(struct disk_hits *hits);

/*
 * disk_hits_tick() returns the time in seconds since 1970; each result is later than the one
 * before. disk_hits_go_on() makes the next results later than newest_us, the latest use in the
 * database in microseconds. It ignores a newest_us that no clock can have shown.
 */
double disk_hits_tick(struct disk_hits *hits);
void disk_hits_go_on(struct disk_hits *hits, int64_t newest_us);

/* Notes a hit of the key, now. True: the writer should empty the table. */
bool disk_hits_note(struct disk_hits *hits, struct key key);

/* Returns a number for disk_hits_add(). Call it before the row is read. */
uint64_t disk_hits_settled(const struct disk_hits *hits);

/*
 * Adds the table's hits of the key to *meta, which has those of the row. row_used: time of the
 * row's last use. settled: the number from disk_hits_settled(). False, and nothing is added: a
 * transaction has ended since then, so the row may be out of date. The caller reads the row again.
 */
bool disk_hits_add(struct disk_hits *hits, struct key key, double row_used, uint64_t settled,
		   struct meta *meta);
size_t disk_hits_count(struct disk_hits *hits);

/* --- the writer's ----------------------------------------------------------------------------- */

/* Take hits for the current transaction, which writes them: those of one key, or of any key. NULL:
 * there are none. The table still owns the hits. */
const struct disk_hit *disk_hits_take(struct disk_hits *hits, struct key key);
const struct disk_hit *disk_hits_take_next(struct disk_hits *hits);

/* Call it when the transaction has ended. written: the hits are in the database, and leave the
 * table. Otherwise the table counts them as not taken again. */
void disk_hits_settle(struct disk_hits *hits, bool written);

#endif
