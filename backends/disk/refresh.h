#ifndef CACHEFS_DISK_REFRESH_H
#define CACHEFS_DISK_REFRESH_H

/*
 * Other programs evict the rows with the oldest updated_at. So our gets move updated_at as well,
 * when their hits are written. This rewrites the row with its payload, so the bytes per time are
 * bounded. A use beyond the bound is not written; the next hit of the key tries again. See
 * disk/schema.h.
 */

#include <stdint.h>

#include "base/key.h"
#include "disk/txn.h"

struct disk_refresh {
	int64_t at_ms; /* time of the last check */
	uint64_t left; /* bytes that could still be written then */
};

/* Moves updated_at of the key's row forward to `used`, unless the bound is reached. Returns 0 or
 * -errno. */
int disk_refresh_use(struct disk_txn *txn, struct key key, double used);

#endif
