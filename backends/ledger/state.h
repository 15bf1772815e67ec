#ifndef CACHEFS_STATE_H
#define CACHEFS_STATE_H

/*
 * The state: what a cache must remember over a restart beside its entries. One SQLite database in a
 * directory of its own, DIR/state.sqlite (WAL), with large values in DIR/state.sqlite.values/. The
 * tables belong to the modules that use them (journal.c, debts_state.c); the schema is in
 * state_schema.c.
 *
 * One daemon at a time: DIR/lock is held (flock) from state_open() to state_close(). A database
 * that cannot be used is moved aside, never overwritten, and its readable rows are taken over: see
 * state_open(). If a change meets damage that the start did not find, the database is rebuilt from
 * its rows, and the change is made again.
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
 * newer schema, is renamed to state.sqlite.damaged-TIME; its readable rows are copied to a new one,
 * and the log says so. -EINVAL with the problem set: no directory can be made, or another daemon
 * (its pid is named) has it. Waits for a daemon that is just ending.
 */
int state_open(const char *dir, const struct time_source *time, struct state **state,
	       struct problem *problem);

/* True if the directory has a database of an earlier run. */
bool state_exists(const char *dir);

/* Announces the end of this daemon: another one that wants the directory waits instead of
 * failing. */
void state_ending(struct state *s);

void state_close(struct state *s);

/*
 * Looks whether the directory, its lock, the database and its WAL are still those that are open,
 * and makes missing ones anew. Each change looks. The user of the state also has to look every
 * second or so: otherwise committed changes are lost if the daemon dies. The number of lost changes
 * is logged. Waits for the local disk.
 */
void state_look(struct state *s);

const char *state_dir(const struct state *s);

/* The files of large values. */
struct value_files *state_values(struct state *s);

/*
 * Runs apply() inside a transaction, and returns its result once the transaction is committed: the
 * change then survives the death of the daemon. Changes that come while a transaction is under way
 * are committed together by the next one; an apply() that fails is undone alone. apply() may use
 * the state only through db, and may be called in another thread, and again. Waits for the local
 * disk (waiting_begin()).
 */
int state_change(struct state *s, int (*apply)(void *self, struct db *db), void *self);

/*
 * As state_change(), for a change that adds something. On a full disk it fails with -ENOSPC before
 * it uses the space that is kept for other changes, which take something away and must succeed even
 * there (see state_space.h).
 */
int state_add(struct state *s, int (*apply)(void *self, struct db *db), void *self);

/* state_has_space(): true if the disk has space for a file of that size. state_has_room(): true if
 * a row of that size can be added, on the disk or in free pages. */
bool state_has_space(const struct state *s, uint64_t size);
bool state_has_room(struct state *s, uint64_t size);

/* Gets a connection for reading, to be given back. NULL: out of memory or out of order. */
struct db *state_read_begin(struct state *s);
void state_read_end(struct state *s, struct db *db);

/* Makes all that was committed survive power loss. state_is_synced(): true if it does already. */
int state_sync(struct state *s);
bool state_is_synced(const struct state *s);

#endif
