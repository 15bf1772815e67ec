#ifndef CACHEFS_STATE_SPACE_H
#define CACHEFS_STATE_SPACE_H

/*
 * The blocks that a state database keeps for itself, so that a change which takes away (a row that
 * the layers have, a tombstone that is noted or told) works where other programs have taken every
 * free block of the disk:
 *
 * - The WAL never becomes shorter than it is at the start, when zeros are written behind what is in
 *   it. Its frames go to the database before it begins anew, which needs nothing, for
 * - the database has the blocks of all its pages before a change is committed, and
 * - some of its pages stay free: what adds fails while there are fewer, and what takes away may use
 *   them.
 *
 * The index of the WAL is in memory (the VFS "unix-excl"), for one daemon at a time uses the
 * database. As a file, a -shm, it would need blocks at the first start after a crash, and where the
 * blocks of the file system are smaller than a page, SQLite leaves holes in it: a write there on a
 * full disk is a SIGBUS. Other programs are kept out meanwhile; they may read a copy of the
 * database and its WAL.
 *
 * Within a change, or in the hands of one thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kit/db.h"

/* Opens the database with our settings. A code of SQLite. */
int state_space_open(const char *path, int flags, sqlite3 **db);

/* A connection to a database that is there, whose checkpoints are its owner's to time. 0 or -errno;
 * db is closed then. */
int state_space_connect(struct db *db, const char *path);

/* The WAL keeps its blocks from now on; there is at least one connection. 0 or -errno. */
int state_space_keep_wal(const char *path);

/* Once all of it is in the database and nobody has that open: an empty WAL, with its blocks. */
void state_space_empty_wal(const char *path);

/* Within a transaction: the database has blocks for all its pages, and (check) still keeps free
 * ones. 0 or -ENOSPC. */
int state_space_grow(struct db *db);
int state_space_check(struct db *db);

/* Whether so many bytes fit in free pages beside those that are kept. */
bool state_space_fits(struct db *db, uint64_t size);

/* All that is in the WAL goes to the database, so that it begins anew. */
void state_space_begin_wal_anew(sqlite3 *db);

#endif
