#ifndef CACHEFS_DISK_ENTRY_H
#define CACHEFS_DISK_ENTRY_H

/*
 * One entry inside a transaction: its row, its file, and its hits that are not in the database yet.
 * The functions return 0 or -errno; -ENOENT: no live entry has that key. After a failure that
 * changed rows, the caller must roll the transaction back: it may be half done.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/meta.h"
#include "disk/hits.h"
#include "disk/job.h"
#include "disk/txn.h"
#include "kit/value_files.h"

/* The fields of a row that a change needs. */
struct disk_entry {
	bool exists, live;
	int64_t id;
	uint64_t size;
	char file[VALUE_FILE_NAME]; /* empty: none */
};

/* Finds the row of the key. Returns 0 also if there is no row, or one that is not live. Fills
 * *meta, which the caller finishes, if meta is not NULL and the row exists. */
int disk_entry_find(struct disk_txn *txn, struct key key, struct disk_entry *entry,
		    struct meta *meta);

/* Deletes the row and, after the commit, its file ("": none). size: bytes of the file, as the row
 * says. */
int disk_entry_delete(struct disk_txn *txn, int64_t id, const char *file, uint64_t size);

/* Removes the file ("": none) of a replaced row after the commit. size: as above. */
int disk_entry_drop_file(struct disk_txn *txn, const char *file, uint64_t size);

/* Moves the row from key `from` to key `to`. Deletes an entry that exists at `to`. */
int disk_entry_move(struct disk_txn *txn, int64_t id, struct key from, struct key to);

/* Writes hits to the database. The transaction has taken them (disk_hits_take()). */
int disk_entry_use(struct disk_txn *txn, const struct disk_hit *hit);

/* Apply the jobs of these kinds. */
int disk_entry_touch(struct disk_txn *txn, const struct disk_job *job);
int disk_entry_remove(struct disk_txn *txn, struct key key);
int disk_entry_rename(struct disk_txn *txn, struct key from, struct key to);

#endif
