#ifndef CACHEFS_DISK_EVICT_H
#define CACHEFS_DISK_EVICT_H

/*
 * Removes expired entries, and evicts the least recently used ones, inside a transaction. The layer
 * reports their keys after the commit. Eviction keeps an entry with hits that are not in the
 * database yet, and writes these hits: the entry was used lately.
 */

#include <stdint.h>

#include "base/key.h"
#include "disk/txn.h"

enum { DISK_EVICT_STEP = 64 }; /* most rows that one step of eviction examines */

/* Removes up to max expired entries. Returns the number of removed entries, or -errno. */
int disk_evict_expired(struct disk_txn *txn, int max);

/*
 * Evicts least recently used entries except `keep`. Stops when the evicted entries held `enough`
 * bytes, or when `rows` rows (at most DISK_EVICT_STEP) were examined. *bytes: the bytes that they
 * held. Returns 0 or -errno; -ENOENT: there is no other entry.
 */
int disk_evict_oldest(struct disk_txn *txn, struct key keep, int rows, uint64_t enough,
		      uint64_t *bytes);

/* Examines the least recently used row except the row `keep` (0: none), and evicts it or writes its
 * hits. Returns 0 or -errno; -EFBIG: there is no other row. Needs the index that only a layer with
 * a limit has. */
int disk_evict_one(struct disk_txn *txn, int64_t keep);

#endif
