#ifndef CACHEFS_DISK_REFRESH_H
#define CACHEFS_DISK_REFRESH_H

/*
 * Other programs evict what has the oldest updated_at: the gets of ours move it as well, written
 * down with their hits. That rewrites the row, payload and all, so it is bounded by time: what is
 * more is left out, and the key's next hit tries again. See disk/schema.h.
 */

#include <stdint.h>

#include "base/key.h"
#include "disk/txn.h"

struct disk_refresh {
	int64_t at_ms; /* when rows were refreshed last, */
	uint64_t left; /* and how many bytes may be written at once */
};

/* A use of the key, as other programs count it; or not, if too many are. 0 or -errno. */
int disk_refresh_use(struct disk_txn *txn, struct key key, double used);

#endif
