#ifndef CACHEFS_DISK_ENTRY_H
#define CACHEFS_DISK_ENTRY_H

/*
 * One entry inside a transaction: its row, its file, its hits that are not written yet. Functions
 * return 0 or -errno; -ENOENT: there is no live entry of that key. A failure may leave the
 * transaction half done: it must be rolled back if it changed rows.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/meta.h"
#include "disk/hits.h"
#include "disk/job.h"
#include "disk/txn.h"
#include "kit/value_files.h"

/* The row of a key, as far as a change needs it. */
struct disk_entry {
	bool exists, live;
	int64_t id;
	uint64_t size;
	char file[VALUE_FILE_NAME]; /* empty: none */
};

/* There may be none, or one that is not live. Fills meta (the caller's) if it is asked for and the
 * row exists. */
int disk_entry_find(struct disk_txn *txn, struct key key, struct disk_entry *entry,
		    struct meta *meta);

/* Removes the row, and its file ("": none) of so many bytes, as the row says. */
int disk_entry_delete(struct disk_txn *txn, int64_t id, const char *file, uint64_t size);

/* The file ("": none) of a row that is replaced goes after the commit. */
int disk_entry_drop_file(struct disk_txn *txn, const char *file, uint64_t size);

/* Moves the row, in the place of what is at `to`. */
int disk_entry_move(struct disk_txn *txn, int64_t id, struct key from, struct key to);

/* Writes hits down that the transaction has taken. */
int disk_entry_use(struct disk_txn *txn, const struct disk_hit *hit);

/* What the jobs of these kinds do. */
int disk_entry_touch(struct disk_txn *txn, const struct disk_job *job);
int disk_entry_remove(struct disk_txn *txn, struct key key);
int disk_entry_rename(struct disk_txn *txn, struct key from, struct key to);

#endif
