#ifndef CACHEFS_STATE_SPACE_H
#define CACHEFS_STATE_SPACE_H

/*
 * The blocks that a state database keeps for itself, so that a change which takes something away
 * (removes a row that the layers have, adds or removes a tombstone) succeeds where other programs
 * have taken every free block of the disk:
 *
 * - The WAL never becomes shorter than it is at the start, when zeros are written behind its
 *   frames. Before the WAL begins anew, its frames go to the database, which needs no new block,
 *   because
 * - the database has the blocks of all its pages before a change is committed, and
 * - some of its pages stay free: a change that adds fails while there are fewer, and one that takes
 *   away may use them.
 *
 * The index of the WAL is in memory (the VFS "unix-excl"), because one daemon at a time uses the
 * database. As a file, a -shm, the index would need blocks at the first start after a crash. Where
 * the blocks of the file system are smaller than a page, SQLite leaves holes in the file: a write
 * there on a full disk is a SIGBUS. Other programs are kept out meanwhile; they may read a copy of
 * the database and its WAL.
 *
 * Call within a change, or from the only thread that has the database.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kit/db.h"

/* Opens the database with our settings. Returns a code of SQLite. */
int state_space_open(const char *path, int flags, sqlite3 **db);

/* Connects to a database that exists. The owner of the connection decides when to checkpoint. 0 or
 * -errno; db is closed then. */
int state_space_connect(struct db *db, const char *path);

/* Makes the WAL keep its blocks from now on; there is at least one connection. 0 or -errno. */
int state_space_keep_wal(const char *path);

/* Empties the WAL, which keeps its blocks. Call once all of it is in the database and nobody has
 * the database open. */
void state_space_empty_wal(const char *path);

/* Within a transaction: gives the database blocks for all its pages. state_space_check(): also
 * keeps pages of it free. 0 or -ENOSPC. */
int state_space_grow(struct db *db);
int state_space_check(struct db *db);

/* True if so many bytes fit in free pages beside those that are kept. */
bool state_space_fits(struct db *db, uint64_t size);

/* Writes all of the WAL to the database, so that the WAL begins anew. */
void state_space_begin_wal_anew(sqlite3 *db);

#endif
