#ifndef CACHEFS_DISK_EVICT_H
#define CACHEFS_DISK_EVICT_H

/*
 * Entries that go by themselves, inside a transaction: the expired ones, the least recently used.
 * Their keys are reported once it is committed. An entry with hits that are not written yet is not
 * so old after all: they are written, and it stays.
 */

#include <stdint.h>

#include "base/key.h"
#include "disk/txn.h"

enum { DISK_EVICT_STEP = 64 }; /* rows that one step of eviction looks at, at most */

/* Removes up to max expired entries. Returns how many, or -errno. */
int disk_evict_expired(struct disk_txn *txn, int max);

/*
 * Evicts least recently used entries but `keep`, until they held `enough` bytes or `rows`, at most
 * DISK_EVICT_STEP, were looked at. *bytes: what they held. 0 or -errno; -ENOENT: there is none.
 */
int disk_evict_oldest(struct disk_txn *txn, struct key keep, int rows, uint64_t enough,
		      uint64_t *bytes);

/* Looks at one row, the least recently used but `keep` (0: none). 0 or -errno; -EFBIG: there is no
 * other. Needs the index that a layer with a limit has. */
int disk_evict_one(struct disk_txn *txn, int64_t keep);

#endif
