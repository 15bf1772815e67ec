/* See state_writer.h. */
#include "ledger/state_writer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "kit/value_files.h"
#include "ledger/state_again.h"
#include "ledger/state_lock.h"
#include "ledger/state_space.h"

enum {
	CHECKPOINT_PAGES = 1000,
	KEPT_TRIES = 3, /* to commit to files that stay */
};

void state_writer_init(struct state_writer *w, const char *dir, const char *path,
		       const struct time_source *time, struct state_readers *readers)
{
	*w = (struct state_writer){
		.dir = dir, .path = path, .time = time, .readers = readers, .lock_fd = -1
	};
	db_files_init(&w->files, w->path, true);
}

void state_writer_fini(struct state_writer *w)
{
	assert(!w->db.handle);
	db_files_fini(&w->files);
	if (w->lock_fd >= 0)
		close(w->lock_fd);
}

static inline bool is_owner(const struct state_writer *w)
{
	return w->owned && pthread_equal(w->owner, pthread_self());
}

void state_writer_own(struct state_writer *w)
{
	assert(!w->owned);
	w->owner = pthread_self();
	w->owned = true;
}

void state_writer_disown(struct state_writer *w)
{
	assert(is_owner(w));
	w->owned = false;
}

bool state_writer_is_well(const struct state_writer *w)
{
	return w->db.handle && state_lock_is_held(w->dir, w->lock_fd) &&
	       db_files_look(&w->files) == DB_FINE;
}

/* --- opening and closing ---------------------------------------------------------------------- */

/* Checkpoints are ours to time: see write_back(). */
static int on_commit(void *self, sqlite3 *handle, const char *database, int frames)
{
	struct state_writer *w = self;

	(void)handle;
	(void)database;
	w->frames = (unsigned)frames;
	return SQLITE_OK;
}

int state_writer_open(struct state_writer *w)
{
	assert(is_owner(w));
	int rc = state_space_connect(&w->db, w->path);

	if (rc < 0)
		return rc;
	w->frames = 0;
	sqlite3_wal_hook(w->db.handle, on_commit, w);
	rc = db_files_opened(&w->files, w->db.handle);
	if (rc < 0) {
		db_close(&w->db);
		db_files_closed(&w->files, DB_FINE);
	}
	return rc;
}

void state_writer_close(struct state_writer *w)
{
	int all = 0, moved = -1;

	assert(is_owner(w));
	if (!w->db.handle)
		return;
	int code = sqlite3_wal_checkpoint_v2(w->db.handle, NULL, SQLITE_CHECKPOINT_RESTART, &all,
					     &moved);
	db_close(&w->db);
	if (code == SQLITE_OK && all == moved)
		state_space_empty_wal(w->path);
}

/* --- commits ---------------------------------------------------------------------------------- */

static int exec(struct db *db, const char *sql)
{
	return db_run(db, db_statement(db, sql));
}

/* One change inside the transaction; one that fails leaves nothing behind. */
static int apply_one(struct db *db, struct state_change *change)
{
	int rc = exec(db, "SAVEPOINT one");

	if (rc < 0)
		return rc;
	assert(!sqlite3_get_autocommit(db->handle));
	rc = change->apply(change->self, db);
	if (rc == 0 && change->adds)
		rc = state_space_check(db);
	if (sqlite3_get_autocommit(db->handle)) /* SQLite took all of it back */
		return rc < 0 ? rc : -EIO;
	if (rc < 0)
		exec(db, "ROLLBACK TO one");
	exec(db, "RELEASE one");
	return rc;
}

static unsigned count_changes(const struct state_change *list)
{
	unsigned count = 0;

	for (; list; list = list->next)
		count += list->rc == 0;
	return count;
}

/* What does not commit has failed: all of it, if it is to be tried again after a rebuild. */
static int try_to_commit(struct state_writer *w, struct state_change *list)
{
	struct db *db = &w->db;

	assert(is_owner(w));
	db->met_damage = false;
	int rc = exec(db, "BEGIN IMMEDIATE");

	for (struct state_change *c = list; c; c = c->next) {
		c->rc = rc < 0 ? rc : apply_one(db, c);
		if (rc == 0 && sqlite3_get_autocommit(db->handle))
			rc = c->rc; /* those that follow would each be a transaction */
	}
	if (rc == 0)
		rc = db->met_damage && !w->beyond_rebuilding ? -EIO : state_space_grow(db);
	if (rc == 0 && !state_writer_is_well(w))
		rc = -EIO;
	if (rc == 0)
		rc = exec(db, "COMMIT");
	if (rc == 0)
		db_files_committed(&w->files, w->frames, count_changes(list));
	if (rc < 0) {
		snprintf(w->failure, sizeof(w->failure), "%s", sqlite3_errmsg(db->handle));
		if (!sqlite3_get_autocommit(db->handle))
			exec(db, "ROLLBACK");
	}
	return rc;
}

/*
 * What only changes meet, as damage in the free space of a page, is not found at the start, where
 * all rows are read. They can be read, so the database is written anew.
 */
static bool rebuild(struct state_writer *w)
{
	if (w->beyond_rebuilding || db_files_verify(&w->files) != DB_FINE)
		return false;
	int rc = exec(&w->db, "VACUUM");
	if (rc < 0)
		log_error(
			"state: %s is damaged, and cannot be rebuilt (%s); what can be read of it "
			"is taken over at the next start",
			w->path, sqlite3_errmsg(w->db.handle));
	else
		log_error("state: %s was damaged, and has been rebuilt from its rows", w->path);
	w->beyond_rebuilding = rc < 0;
	return rc == 0;
}

static void log_failure(const struct state_writer *w)
{
	log_error("state: cannot commit: %s", w->failure);
}

/* What could not be committed together is, one by one: what adds must not keep out what takes away.
 */
static void commit_each(struct state_writer *w, struct state_change *list)
{
	for (struct state_change *c = list, *next; c; c = next) {
		next = c->next;
		c->next = NULL;
		int rc = try_to_commit(w, c);
		if (rc < 0 && c->rc == 0)
			c->rc = rc;
		if (rc < 0)
			log_failure(w);
		c->next = next;
	}
}

/* 0, or why not all of them were committed. */
static int commit(struct state_writer *w, struct state_change *list)
{
	int rc = try_to_commit(w, list);

	if (w->db.met_damage && rebuild(w))
		rc = try_to_commit(w, list);
	if (rc == -ENOSPC) {
		state_space_begin_wal_anew(w->db.handle);
		rc = try_to_commit(w, list);
	}
	if (rc == -ENOSPC && list->next) {
		commit_each(w, list);
		return rc;
	}
	if (rc < 0)
		log_failure(w);
	for (struct state_change *c = list; c && rc < 0; c = c->next)
		if (c->rc == 0 || c->rc == -EAGAIN)
			c->rc = rc == -EAGAIN ? -EIO : rc;
	return rc;
}

static void write_back(struct state_writer *w)
{
	int all = 0, done = -1;

	if (w->frames < CHECKPOINT_PAGES)
		return;
	sqlite3_wal_checkpoint_v2(w->db.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &all, &done);
	if (all == done && state_writer_is_well(w))
		db_files_checkpointed(&w->files, false);
	w->frames = 0;
}

/* --- files that are removed under it ---------------------------------------------------------- */

static int reopen(struct state_writer *w, enum db_trouble trouble)
{
	char reason[200] = "";
	uint64_t lost = 0;
	int rc = -ESTALE;

	if (w->db.handle)
		db_close(&w->db);
	db_files_closed(&w->files, trouble);
	for (int i = 0; i < KEPT_TRIES && rc == -ESTALE; i++) {
		rc = db_files_restore(&w->files, &lost, reason, sizeof(reason));
		if (rc == 0)
			rc = state_writer_open(w);
	}
	if (lost > 0)
		log_error("state: up to %llu changes of %s are lost with its -wal file",
			  (unsigned long long)lost, w->path);
	if (rc < 0)
		log_error("state: %s cannot be opened again: %s", w->path,
			  reason[0] ? reason : strerror(-rc));
	else
		state_space_keep_wal(w->path);
	return rc < 0 ? rc : lost > 0;
}

/* From what is open. */
int state_writer_mend(struct state_writer *w)
{
	enum db_trouble trouble = w->db.handle ? db_files_look(&w->files) : DB_FINE;
	int rc = 0;

	assert(is_owner(w));
	if (!state_lock_is_held(w->dir, w->lock_fd)) {
		rc = state_lock_again(w->dir, &w->lock_fd);
		if (rc == 0)
			log_warning(
				"state: the lock of %s was removed or replaced; it is taken again",
				w->dir);
	}
	if (rc < 0 || (w->db.handle && trouble == DB_FINE))
		return rc;
	rc = state_readers_close(w->readers) ? 0 : -EBUSY;
	if (rc == 0 && trouble == DB_GONE)
		rc = state_again_write(w->db.handle, w->path, w->time);
	if (rc == 0)
		rc = reopen(w, trouble);
	state_readers_open(w->readers);
	log_warning("state: %s: %s; it is %s from what is open", w->path, db_files_name(trouble),
		    rc < 0 ? "still to be made anew" : "made anew");
	unsigned missing = rc >= 0 ? state_again_missing(w->db.handle, w->path) : 0;
	if (missing > 0)
		log_error("state: %u sets with large values are lost with their files in "
			  "%s" VALUE_FILES_SUFFIX,
			  missing, w->path);
	return rc;
}

/* What may have gone with a file is committed once more when the files are as they should be. */
void state_writer_commit(struct state_writer *w, struct state_change *list)
{
	for (int i = 0; i < KEPT_TRIES; i++) {
		int rc = w->db.handle ? commit(w, list) : -EIO;
		if (state_writer_is_well(w)) {
			write_back(w);
			return;
		}
		bool kept = rc == 0 && w->files.found == DB_FINE;
		int mended = state_writer_mend(w);
		if (mended < 0)
			break;
		if (kept && mended == 0)
			return;
	}
	for (struct state_change *c = list; c; c = c->next)
		c->rc = -EIO;
}
