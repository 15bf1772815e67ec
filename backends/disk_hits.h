#ifndef CACHEFS_DISK_HITS_H
#define CACHEFS_DISK_HITS_H

/*
 * Hits that are not in the database yet: a bounded table by key, emptied by the writer in batches.
 * When it is full, hits of further keys are lost, which costs some order of eviction. Thread-safe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key.h"
#include "lock.h"
#include "meta.h"

struct disk_hit {
	struct disk_hit *next;
	uint64_t hash;
	uint64_t count;
	double used; /* when last, as recency counts it */
	size_t key_size;
	char key_bytes[];
};

enum { DISK_HIT_BUCKETS = 1024, DISK_HITS_MAX = 8192, DISK_HITS_MANY = 2048 };

struct disk_hits {
	struct lock lock; /* RANK_LAYER_INNER; guards the rest */
	struct disk_hit *buckets[DISK_HIT_BUCKETS];
	size_t count;
	size_t cursor; /* the bucket that disk_hits_take() looks at next */
};

void disk_hits_init(struct disk_hits *hits);
void disk_hits_fini(struct disk_hits *hits);

/* Returns the key's hits in the table, this one included. *many: time to empty it. */
uint64_t disk_hits_note(struct disk_hits *hits, struct key key, double used, bool *many);

/* Adds what the table has of the key to what its row said. */
void disk_hits_add(struct disk_hits *hits, struct key key, struct meta *meta);
size_t disk_hits_count(struct disk_hits *hits);

/* Takes one key's hits out (to be freed), or NULL. */
struct disk_hit *disk_hits_take_key(struct disk_hits *hits, struct key key);

/* Takes up to max out, as a list to be freed one by one. */
struct disk_hit *disk_hits_take(struct disk_hits *hits, size_t max);

/* What was taken could not be written. */
void disk_hits_drop(struct disk_hit *list);

#endif
