/*
 * The directory, its lock, the connections and the group commit. See state.h. Opening, damage and
 * the schema: state_file.c.
 */
#include "ledger/state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "kit/db_files.h"
#include "kit/cursor.h"
#include "base/lock.h"
#include "base/log.h"
#include "ledger/state_again.h"
#include "ledger/state_file.h"
#include "ledger/state_space.h"
#include "base/time_source.h"
#include "base/waiting.h"

enum {
	IDLE_MAX = 8,
	CHECKPOINT_PAGES = 1000,
	KEPT_TRIES = 3,         /* to commit to files that stay */
	READERS_WAIT_MS = 5000, /* for connections that are in use, or are being opened anew */
	SPARE = 256 * 1024,     /* what a row takes beside itself, at most */
};

/* A change that waits for its commit, on its caller's stack. */
struct change {
	int (*apply)(void *self, struct db *db);
	void *self;
	bool adds;
	int rc;
	bool done;
	struct change *next;
};

struct state {
	char *dir;
	char *path;
	int lock_fd;
	struct value_files values;
	struct db writer; /* of who leads, */
	bool beyond_rebuilding; /* and this, */
	char failure[160];      /* and why a commit failed, */
	struct db_files files;  /* and the files that it has open, */
	unsigned frames;        /* and how many its WAL has */
	/* Commits; and how many there were when a sync began that has succeeded. */
	atomic_uint_fast64_t commits, synced;

	struct lock lock; /* RANK_LAYER; guards: */
	pthread_cond_t committed;
	struct change *first, *last;
	bool leading; /* somebody commits */

	struct lock pool; /* RANK_LAYER_INNER; guards: */
	pthread_cond_t returned;
	struct db *idle;
	int idle_count, readers; /* those that are in use too */
	bool closing;            /* all are closed, for the database is opened anew */
};

/* --- connections ------------------------------------------------------------------------------ */

static int connection_open(struct db *db, const char *path)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	memset(db, 0, sizeof(*db));
	int code = state_space_open(path, flags, &db->handle);
	if (code == SQLITE_OK) {
		sqlite3_wal_autocheckpoint(db->handle, 0);
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	}
	int rc = code == SQLITE_OK ? 0 : db->handle ? db_errno(db) : -ENOMEM;
	if (code != SQLITE_OK) {
		sqlite3_close(db->handle);
		db->handle = NULL;
	}
	return rc;
}

static bool is_well(const struct state *s)
{
	return state_again_is_locked(s->dir, s->lock_fd) && db_files_look(&s->files) == DB_FINE;
}

/* Who commits looks too. */
static void look_before_reading(struct state *s)
{
	lock_take(&s->lock);
	bool well = s->leading || (s->writer.handle && is_well(s));
	lock_release(&s->lock);
	if (!well)
		state_look(s);
}

/* False: the database is being opened anew for too long. *db NULL: one is to be opened. */
static bool reader_take(struct state *s, struct db **db)
{
	struct deadline deadline = deadline_in(&time_system, READERS_WAIT_MS);
	bool in_time = true;

	lock_take(&s->pool);
	while (s->closing && in_time)
		in_time = condition_wait_until(&s->returned, &s->pool, &deadline);
	*db = s->idle;
	if (in_time && *db) {
		s->idle = (*db)->next;
		s->idle_count--;
	} else if (in_time) {
		s->readers++;
	}
	lock_release(&s->pool);
	return in_time;
}

static void reader_discard(struct state *s, struct db *db)
{
	if (db && db->handle)
		db_close(db);
	free(db);
	lock_take(&s->pool);
	s->readers--;
	pthread_cond_broadcast(&s->returned);
	lock_release(&s->pool);
}

struct db *state_read_begin(struct state *s)
{
	struct db *db = NULL;

	look_before_reading(s);
	if (!reader_take(s, &db))
		return NULL;
	if (db)
		return db;
	db = calloc(1, sizeof(*db));
	if (!db || connection_open(db, s->path) < 0) {
		reader_discard(s, db);
		return NULL;
	}
	return db;
}

void state_read_end(struct state *s, struct db *db)
{
	bool keep = false;

	if (!db)
		return;
	lock_take(&s->pool);
	keep = s->idle_count < IDLE_MAX && !s->closing;
	if (keep) {
		db->next = s->idle;
		s->idle = db;
		s->idle_count++;
	}
	lock_release(&s->pool);
	if (!keep)
		reader_discard(s, db);
}

/* False: one is in use for too long. */
static bool readers_close(struct state *s)
{
	struct deadline deadline = deadline_in(&time_system, READERS_WAIT_MS);
	bool in_time = true;

	lock_take(&s->pool);
	s->closing = true;
	struct db *idle = s->idle;
	s->idle = NULL;
	s->idle_count = 0;
	lock_release(&s->pool);
	while (idle) {
		struct db *db = idle;
		idle = db->next;
		reader_discard(s, db);
	}
	lock_take(&s->pool);
	while (s->readers > 0 && in_time)
		in_time = condition_wait_until(&s->returned, &s->pool, &deadline);
	lock_release(&s->pool);
	return in_time;
}

static void readers_open(struct state *s)
{
	lock_take(&s->pool);
	s->closing = false;
	pthread_cond_broadcast(&s->returned);
	lock_release(&s->pool);
}

/* --- opening and closing ---------------------------------------------------------------------- */

static struct state *state_new(const char *dir)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->lock_fd = -1;
	s->dir = strdup(dir);
	if (asprintf(&s->path, "%s/" STATE_FILE, dir) < 0)
		s->path = NULL;
	if (!s->dir || !s->path || value_files_init(&s->values, s->path) < 0) {
		free(s->dir);
		free(s->path);
		free(s);
		return NULL;
	}
	lock_init(&s->lock, RANK_LAYER);
	lock_init(&s->pool, RANK_LAYER_INNER);
	condition_init(&s->committed);
	condition_init(&s->returned);
	db_files_init(&s->files, s->path, true);
	return s;
}

/* Checkpoints are ours to time: see write_back(). */
static int on_commit(void *self, sqlite3 *handle, const char *database, int frames)
{
	struct state *s = self;

	(void)handle;
	(void)database;
	s->frames = (unsigned)frames;
	return SQLITE_OK;
}

static int writer_open(struct state *s)
{
	int rc = connection_open(&s->writer, s->path);

	if (rc < 0)
		return rc;
	s->frames = 0;
	sqlite3_wal_hook(s->writer.handle, on_commit, s);
	rc = db_files_opened(&s->files, s->writer.handle);
	if (rc < 0) {
		db_close(&s->writer);
		db_files_closed(&s->files, DB_FINE);
	}
	return rc;
}

static int apply_nothing(void *self, struct db *db)
{
	(void)self;
	(void)db;
	return 0;
}

/* What is kept for changes that take away is there from the first moment, if there is space. */
static void keep_space(struct state *s)
{
	int rc = state_add(s, apply_nothing, NULL);

	if (rc == 0)
		rc = state_space_keep_wal(s->path);
	if (rc < 0)
		log_warning("state: no space on the disk of %s can be kept (%s): while it is full, "
			    "what layers miss cannot be remembered",
			    s->dir, strerror(-rc));
}

int state_open(const char *dir, struct state **state, struct problem *problem)
{
	struct state *s = state_new(dir);

	if (!s)
		return problem_set(problem, NULL, NULL, "out of memory");
	int rc = state_file_lock(dir, &s->lock_fd, problem);
	if (rc == 0)
		rc = state_file_prepare(s->path, problem);
	if (rc == 0 && writer_open(s) < 0)
		rc = problem_set(problem, s->path, "name another \"state_dir\"",
				 "cannot open the state database");
	if (rc < 0) {
		state_close(s);
		return rc;
	}
	atomic_store(&s->commits, 1); /* what an earlier run left may not be on disk */
	keep_space(s);
	*state = s;
	return 0;
}

bool state_exists(const char *dir)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/" STATE_FILE, dir) < (int)sizeof(path) &&
	       access(path, F_OK) == 0;
}

void state_ending(struct state *s)
{
	state_file_mark(s->lock_fd, STATE_ENDING);
}

/* What is in the WAL is in the database then: a copy of that alone is all of it. */
static void writer_close(struct state *s)
{
	int all = 0, moved = -1;

	int code = sqlite3_wal_checkpoint_v2(s->writer.handle, NULL, SQLITE_CHECKPOINT_RESTART,
					     &all, &moved);
	db_close(&s->writer);
	if (code == SQLITE_OK && all == moved)
		state_space_empty_wal(s->path);
}

void state_close(struct state *s)
{
	assert(!s->first);
	if (s->writer.handle)
		state_look(s);
	readers_close(s);
	if (s->writer.handle)
		writer_close(s);
	db_files_fini(&s->files);
	value_files_fini(&s->values);
	pthread_cond_destroy(&s->returned);
	pthread_cond_destroy(&s->committed);
	lock_fini(&s->pool);
	lock_fini(&s->lock);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->path);
	free(s->dir);
	free(s);
}

const char *state_dir(const struct state *s)
{
	return s->dir;
}

struct value_files *state_values(struct state *s)
{
	return &s->values;
}

/* --- changes ---------------------------------------------------------------------------------- */

static int exec(struct db *db, const char *sql)
{
	return db_run(db, db_statement(db, sql));
}

/* One change inside the transaction; one that fails leaves nothing behind. */
static int apply_one(struct db *db, struct change *change)
{
	int rc = exec(db, "SAVEPOINT one");

	if (rc < 0)
		return rc;
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

static unsigned count_changes(const struct change *list)
{
	unsigned count = 0;

	for (; list; list = list->next)
		count += list->rc == 0;
	return count;
}

/* What does not commit has failed: all of it, if it is to be tried again after a rebuild. */
static int try_to_commit(struct state *s, struct change *list)
{
	struct db *db = &s->writer;

	db->met_damage = false;
	int rc = exec(db, "BEGIN IMMEDIATE");

	for (struct change *c = list; c; c = c->next) {
		c->rc = rc < 0 ? rc : apply_one(db, c);
		if (rc == 0 && sqlite3_get_autocommit(db->handle))
			rc = c->rc; /* those that follow would each be a transaction */
	}
	if (rc == 0)
		rc = db->met_damage && !s->beyond_rebuilding ? -EIO : state_space_grow(db);
	if (rc == 0 && !is_well(s))
		rc = -EIO;
	if (rc == 0)
		rc = exec(db, "COMMIT");
	if (rc == 0)
		db_files_committed(&s->files, s->frames, count_changes(list));
	if (rc < 0) {
		snprintf(s->failure, sizeof(s->failure), "%s", sqlite3_errmsg(db->handle));
		if (!sqlite3_get_autocommit(db->handle))
			exec(db, "ROLLBACK");
	}
	return rc;
}

/*
 * What only changes meet, as damage in the free space of a page, is not found at the start, where
 * all rows are read. They can be read, so the database is written anew.
 */
static bool rebuild(struct state *s)
{
	if (s->beyond_rebuilding || db_files_verify(&s->files) != DB_FINE)
		return false;
	int rc = exec(&s->writer, "VACUUM");
	if (rc < 0)
		log_error(
			"state: %s is damaged, and cannot be rebuilt (%s); what can be read of it "
			"is taken over at the next start",
			s->path, sqlite3_errmsg(s->writer.handle));
	else
		log_error("state: %s was damaged, and has been rebuilt from its rows", s->path);
	s->beyond_rebuilding = rc < 0;
	return rc == 0;
}

static void log_failure(const struct state *s)
{
	log_error("state: cannot commit: %s", s->failure);
}

/* What could not be committed together is, one by one: what adds must not keep out what takes away. */
static void commit_each(struct state *s, struct change *list)
{
	for (struct change *c = list, *next; c; c = next) {
		next = c->next;
		c->next = NULL;
		int rc = try_to_commit(s, c);
		if (rc < 0 && c->rc == 0)
			c->rc = rc;
		if (rc < 0)
			log_failure(s);
		c->next = next;
	}
}

/* 0, or why not all of them were committed. */
static int commit(struct state *s, struct change *list)
{
	int rc = try_to_commit(s, list);

	if (s->writer.met_damage && rebuild(s))
		rc = try_to_commit(s, list);
	if (rc == -ENOSPC) {
		state_space_begin_wal_anew(s->writer.handle);
		rc = try_to_commit(s, list);
	}
	if (rc == -ENOSPC && list->next) {
		commit_each(s, list);
		return rc;
	}
	if (rc < 0)
		log_failure(s);
	for (struct change *c = list; c && rc < 0; c = c->next)
		if (c->rc == 0 || c->rc == -EAGAIN)
			c->rc = rc == -EAGAIN ? -EIO : rc;
	return rc;
}

static void write_back(struct state *s)
{
	int all = 0, done = -1;

	if (s->frames < CHECKPOINT_PAGES)
		return;
	sqlite3_wal_checkpoint_v2(s->writer.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &all, &done);
	if (all == done && is_well(s))
		db_files_checkpointed(&s->files, false);
	s->frames = 0;
}

/* --- files that are removed under it ---------------------------------------------------------- */

static int reopen(struct state *s, enum db_trouble trouble)
{
	char reason[200] = "";
	uint64_t lost = 0;
	int rc = -ESTALE;

	if (s->writer.handle)
		db_close(&s->writer);
	db_files_closed(&s->files, trouble);
	for (int i = 0; i < KEPT_TRIES && rc == -ESTALE; i++) {
		rc = db_files_restore(&s->files, &lost, reason, sizeof(reason));
		if (rc == 0)
			rc = writer_open(s);
	}
	if (lost > 0)
		log_error("state: up to %llu changes of %s are lost with its -wal file",
			  (unsigned long long)lost, s->path);
	if (rc < 0)
		log_error("state: %s cannot be opened again: %s", s->path,
			  reason[0] ? reason : strerror(-rc));
	else
		state_space_keep_wal(s->path);
	return rc < 0 ? rc : lost > 0;
}

/* What of the directory was removed is made anew from what is open. 0, 1: some of it is lost;
 * or -errno, and the log has been told. */
static int mend(struct state *s)
{
	enum db_trouble trouble = s->writer.handle ? db_files_look(&s->files) : DB_FINE;
	int rc = 0;

	if (!state_again_is_locked(s->dir, s->lock_fd)) {
		rc = state_again_lock(s->dir, &s->lock_fd);
		if (rc == 0)
			log_warning("state: the lock of %s was removed or replaced; it is taken again",
				    s->dir);
	}
	if (rc < 0 || (s->writer.handle && trouble == DB_FINE))
		return rc;
	rc = readers_close(s) ? 0 : -EBUSY;
	if (rc == 0 && trouble == DB_GONE)
		rc = state_again_write(s->writer.handle, s->path);
	if (rc == 0)
		rc = reopen(s, trouble);
	readers_open(s);
	log_warning("state: %s: %s; it is %s from what is open", s->path, db_files_name(trouble),
		    rc < 0 ? "still to be made anew" : "made anew");
	unsigned missing = rc >= 0 ? state_again_missing(s->writer.handle, s->values.path) : 0;
	if (missing > 0)
		log_error("state: %u sets with large values are lost with their files in %s",
			  missing, s->values.path);
	return rc;
}

/* What may have gone with a file is committed once more when the files are as they should be. */
static void commit_kept(struct state *s, struct change *list)
{
	for (int i = 0; i < KEPT_TRIES; i++) {
		int rc = s->writer.handle ? commit(s, list) : -EIO;
		if (s->writer.handle && is_well(s)) {
			write_back(s);
			return;
		}
		bool kept = rc == 0 && s->files.found == DB_FINE;
		int mended = mend(s);
		if (mended < 0)
			break;
		if (kept && mended == 0)
			return;
	}
	for (struct change *c = list; c; c = c->next)
		c->rc = -EIO;
}

/* The caller commits what is queued, its own change with it. */
static void lead(struct state *s)
{
	struct change *list = s->first;

	s->first = s->last = NULL;
	s->leading = true;
	lock_release(&s->lock);
	commit_kept(s, list);
	atomic_fetch_add(&s->commits, 1);
	lock_take(&s->lock);
	s->leading = false;
	for (struct change *c = list, *next; c; c = next) {
		next = c->next; /* once it is done its owner may leave */
		c->done = true;
	}
	pthread_cond_broadcast(&s->committed);
}

static int run_change(struct state *s, struct change change)
{
	assert(lock_none_held());
	waiting_begin();
	lock_take(&s->lock);
	if (s->last)
		s->last->next = &change;
	else
		s->first = &change;
	s->last = &change;
	while (!change.done) {
		if (s->leading)
			condition_wait(&s->committed, &s->lock);
		else
			lead(s);
	}
	lock_release(&s->lock);
	return change.rc;
}

int state_change(struct state *s, int (*apply)(void *self, struct db *db), void *self)
{
	return run_change(s, (struct change){ .apply = apply, .self = self });
}

int state_add(struct state *s, int (*apply)(void *self, struct db *db), void *self)
{
	return run_change(s, (struct change){ .apply = apply, .self = self, .adds = true });
}

void state_look(struct state *s)
{
	waiting_begin();
	lock_take(&s->lock);
	while (s->leading)
		condition_wait(&s->committed, &s->lock);
	s->leading = true;
	lock_release(&s->lock);
	if (!s->writer.handle || !is_well(s))
		mend(s);
	lock_take(&s->lock);
	s->leading = false;
	pthread_cond_broadcast(&s->committed);
	lock_release(&s->lock);
}

/* --- space ------------------------------------------------------------------------------------ */

bool state_has_space(const struct state *s, uint64_t size)
{
	struct statvfs disk;

	return statvfs(s->dir, &disk) < 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= size;
}

bool state_has_room(struct state *s, uint64_t size)
{
	if (state_has_space(s, size + SPARE))
		return true;
	struct db *db = state_read_begin(s);
	bool fits = db && state_space_fits(db, size);
	state_read_end(s, db);
	return fits;
}

/* A commit lies in the WAL, and is recovered from there, or the checkpoint that took it out has
 * synced the database. */
static int sync_wal(struct state *s)
{
	char wal[PATH_MAX];

	if (snprintf(wal, sizeof(wal), "%s-wal", s->path) >= (int)sizeof(wal))
		return -ENAMETOOLONG;
	int fd = open(wal, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int rc = fdatasync(fd) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

/* Files first: a row on disk must not point to bytes that are not. */
int state_sync(struct state *s)
{
	uint64_t commits = atomic_load(&s->commits);

	waiting_begin();
	int rc = value_files_sync(&s->values, &time_system);
	if (rc == 0)
		rc = sync_wal(s);
	if (rc == 0)
		atomic_store(&s->synced, commits);
	return rc;
}

bool state_is_synced(const struct state *s)
{
	return atomic_load(&s->synced) == atomic_load(&s->commits);
}

/* --- keys ------------------------------------------------------------------------------- */

void state_bind_key(sqlite3_stmt *statement, int index, struct key key)
{
	sqlite3_bind_blob(statement, index, key.bytes, (int)key.size, SQLITE_STATIC);
}

struct key state_column_key(sqlite3_stmt *statement, int column)
{
	const char *bytes = sqlite3_column_blob(statement, column);
	int size = sqlite3_column_bytes(statement, column);

	return bytes && size > 0 ? key_make(bytes, (size_t)size) : KEY_ROOT;
}

void state_bind_range(sqlite3_stmt *statement, int index, struct key dir, struct state_range *range)
{
	struct key_buffer marker;

	state_bind_prefix(statement, index, marker_key(&marker, dir), range);
}

void state_bind_prefix(sqlite3_stmt *statement, int index, struct key prefix,
		       struct state_range *range)
{
	memcpy(range->first.bytes, prefix.bytes, prefix.size);
	range->first.size = prefix.size;
	/* Every key sorts before 256 bytes 0xff and more: components are shorter. */
	if (!key_prefix_end(prefix, &range->end)) {
		memset(range->end.bytes, 0xff, KEY_COMPONENT_MAX + 2);
		range->end.size = KEY_COMPONENT_MAX + 2;
	}
	state_bind_key(statement, index, key_make(range->first.bytes, range->first.size));
	state_bind_key(statement, index + 1, key_make(range->end.bytes, range->end.size));
}
