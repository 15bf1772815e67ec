#ifndef CACHEFS_STATE_H
#define CACHEFS_STATE_H

/*
 * What a cache must remember over a restart beside its entries: one SQLite database in a directory
 * of its own, DIR/state.sqlite (WAL), with large values in DIR/state.sqlite.values/. The tables
 * belong to the modules that use them (journal.c, debts_state.c); the schema is in state_file.c.
 *
 * One daemon at a time: DIR/lock is held (flock) from state_open() to state_close(). A database
 * that cannot be used is moved aside, never overwritten, and what can still be read of it is taken
 * over: see state_open(). Damage that only a change meets has the database rebuilt from its rows,
 * and the change made again.
 *
 * Thread-safe. Functions return 0 or -errno; call them with no lock held.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kit/db.h"
#include "kit/value_files.h"
#include "base/key.h"
#include "base/problem.h"
#include "base/time_source.h"
#include "ledger/state_keys.h"

struct state;

/*
 * Makes the directory (0700) and the database if they are missing. A damaged database, or one of a
 * newer schema, becomes state.sqlite.damaged-TIME; its rows that can be read are copied to a new
 * one, and the log says so. -EINVAL with the problem set: no directory can be made, or another
 * daemon (its pid is named) has it; one that is just ending is waited for.
 */
int state_open(const char *dir, const struct time_source *time, struct state **state,
	       struct problem *problem);

/* Whether there is a database in the directory, from an earlier run. */
bool state_exists(const char *dir);

/* This daemon is about to end: another one that wants the directory waits instead of failing. */
void state_ending(struct state *s);

void state_close(struct state *s);

/*
 * Looks whether the directory, its lock, the database and its WAL are still there as they are open,
 * and makes anew what is not: each change looks, and somebody has to every second or so, lest what
 * was committed goes with a daemon that dies. What is lost is logged with its number. Waits for the
 * local disk.
 */
void state_look(struct state *s);

const char *state_dir(const struct state *s);

/* The files of large values. */
struct value_files *state_values(struct state *s);

/*
 * Runs apply inside a transaction, and returns what it returned once that is committed: it then
 * survives the death of the daemon. Those who come while a transaction is under way are committed
 * together by the next one; an apply that fails is undone alone. apply must not use the state but
 * through db, and may be called in another thread, and again. Waits for the local disk
 * (waiting_begin()).
 */
int state_change(struct state *s, int (*apply)(void *self, struct db *db), void *self);

/*
 * The same for a change that adds something: on a full disk it fails with -ENOSPC before it takes
 * what is kept for others, which take something away, to be made there all the same (see
 * state_space.h).
 */
int state_add(struct state *s, int (*apply)(void *self, struct db *db), void *self);

/* Whether the disk has space for a file of that size; whether a row of that size can be added, on
 * the disk or in pages that are free. */
bool state_has_space(const struct state *s, uint64_t size);
bool state_has_room(struct state *s, uint64_t size);

/* A connection for reading; NULL: out of memory or out of order. To be given back. */
struct db *state_read_begin(struct state *s);
void state_read_end(struct state *s, struct db *db);

/* All that was committed survives power loss when it returns; whether it does already. */
int state_sync(struct state *s);
bool state_is_synced(const struct state *s);

#endif
