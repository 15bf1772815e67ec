/*
 * The directory, its lock, the connections and the group commit. See state.h. Opening, damage and
 * the schema: state_file.c.
 */
#include "state.h"

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

#include "disk_db.h"
#include "cursor.h"
#include "lock.h"
#include "log.h"
#include "state_file.h"
#include "state_space.h"
#include "waiting.h"

enum {
	STATEMENTS_MAX = 48,
	IDLE_MAX = 8,
	CHECKPOINT_PAGES = 1000,
	SPARE = 256 * 1024, /* what a row takes beside itself, at most */
};

struct state_db {
	sqlite3 *handle;
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} statements[STATEMENTS_MAX];
	int statement_count;
	bool met_damage; /* a statement did */
	struct state_db *next;
};

/* A change that waits for its commit, on its caller's stack. */
struct change {
	int (*apply)(void *self, struct state_db *db);
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
	struct disk_values values;
	struct state_db writer; /* of who leads, */
	bool beyond_rebuilding; /* and this, */
	char failure[160];      /* and why a commit failed */
	/* Commits; and how many there were when a sync began that has succeeded. */
	atomic_uint_fast64_t commits, synced;

	struct lock lock; /* RANK_LAYER; guards: */
	pthread_cond_t committed;
	struct change *first, *last;
	bool leading; /* somebody commits */

	struct lock pool; /* RANK_LAYER_INNER; guards: */
	struct state_db *idle;
	int idle_count;
};

/* --- connections ------------------------------------------------------------------------------ */

static int connection_open(struct state_db *db, const char *path)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	memset(db, 0, sizeof(*db));
	int code = state_space_open(path, flags, &db->handle);
	if (code == SQLITE_OK)
		sqlite3_wal_autocheckpoint(db->handle, CHECKPOINT_PAGES);
	int rc = code == SQLITE_OK ? 0 : db->handle ? disk_db_errno_on(db->handle) : -ENOMEM;
	if (code != SQLITE_OK) {
		sqlite3_close(db->handle);
		db->handle = NULL;
	}
	return rc;
}

static void connection_close(struct state_db *db)
{
	for (int i = 0; i < db->statement_count; i++)
		sqlite3_finalize(db->statements[i].statement);
	sqlite3_close(db->handle);
	memset(db, 0, sizeof(*db));
}

struct state_db *state_read_begin(struct state *s)
{
	lock_take(&s->pool);
	struct state_db *db = s->idle;
	if (db) {
		s->idle = db->next;
		s->idle_count--;
	}
	lock_release(&s->pool);
	if (db)
		return db;
	db = malloc(sizeof(*db));
	if (db && connection_open(db, s->path) < 0) {
		free(db);
		db = NULL;
	}
	return db;
}

void state_read_end(struct state *s, struct state_db *db)
{
	bool keep = false;

	if (!db)
		return;
	lock_take(&s->pool);
	keep = s->idle_count < IDLE_MAX;
	if (keep) {
		db->next = s->idle;
		s->idle = db;
		s->idle_count++;
	}
	lock_release(&s->pool);
	if (!keep) {
		connection_close(db);
		free(db);
	}
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
	if (!s->dir || !s->path || disk_values_init(&s->values, s->path) < 0) {
		free(s->dir);
		free(s->path);
		free(s);
		return NULL;
	}
	lock_init(&s->lock, RANK_LAYER);
	lock_init(&s->pool, RANK_LAYER_INNER);
	condition_init(&s->committed);
	return s;
}

static int apply_nothing(void *self, struct state_db *db)
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
	if (rc == 0 && connection_open(&s->writer, s->path) < 0)
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
	connection_close(&s->writer);
	if (code == SQLITE_OK && all == moved)
		state_space_empty_wal(s->path);
}

void state_close(struct state *s)
{
	assert(!s->first);
	while (s->idle) {
		struct state_db *db = s->idle;
		s->idle = db->next;
		connection_close(db);
		free(db);
	}
	if (s->writer.handle)
		writer_close(s);
	disk_values_fini(&s->values);
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

struct disk_values *state_values(struct state *s)
{
	return &s->values;
}

/* --- changes ---------------------------------------------------------------------------------- */

static int exec(struct state_db *db, const char *sql)
{
	return state_run(db, state_statement(db, sql));
}

/* One change inside the transaction; one that fails leaves nothing behind. */
static int apply_one(struct state_db *db, struct change *change)
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

/* What does not commit has failed: all of it, if it is to be tried again after a rebuild. */
static int try_to_commit(struct state *s, struct change *list)
{
	struct state_db *db = &s->writer;

	db->met_damage = false;
	int rc = exec(db, "BEGIN IMMEDIATE");

	for (struct change *c = list; c; c = c->next) {
		c->rc = rc < 0 ? rc : apply_one(db, c);
		if (rc == 0 && sqlite3_get_autocommit(db->handle))
			rc = c->rc; /* those that follow would each be a transaction */
	}
	if (rc == 0)
		rc = db->met_damage && !s->beyond_rebuilding ? -EIO : state_space_grow(db);
	if (rc == 0)
		rc = exec(db, "COMMIT");
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
	if (s->beyond_rebuilding)
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

static void commit(struct state *s, struct change *list)
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
		return;
	}
	if (rc < 0)
		log_failure(s);
	for (struct change *c = list; c && rc < 0; c = c->next)
		if (c->rc == 0 || c->rc == -EAGAIN)
			c->rc = rc == -EAGAIN ? -EIO : rc;
}

/* The caller commits what is queued, its own change with it. */
static void lead(struct state *s)
{
	struct change *list = s->first;

	s->first = s->last = NULL;
	s->leading = true;
	lock_release(&s->lock);
	commit(s, list);
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

int state_change(struct state *s, int (*apply)(void *self, struct state_db *db), void *self)
{
	return run_change(s, (struct change){ .apply = apply, .self = self });
}

int state_add(struct state *s, int (*apply)(void *self, struct state_db *db), void *self)
{
	return run_change(s, (struct change){ .apply = apply, .self = self, .adds = true });
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
	struct state_db *db = state_read_begin(s);
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
	int rc = disk_values_sync(&s->values);
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

/* --- statements ------------------------------------------------------------------------------- */

sqlite3_stmt *state_statement(struct state_db *db, const char *sql)
{
	for (int i = 0; i < db->statement_count; i++)
		if (db->statements[i].sql == sql)
			return db->statements[i].statement;
	assert(db->statement_count < STATEMENTS_MAX);
	sqlite3_stmt *statement = NULL;
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
	    SQLITE_OK)
		return NULL;
	db->statements[db->statement_count].sql = sql;
	db->statements[db->statement_count++].statement = statement;
	return statement;
}

static int last_errno(struct state_db *db)
{
	int rc = disk_db_errno_on(db->handle);

	db->met_damage = db->met_damage || rc == -EUCLEAN;
	return rc < 0 ? rc : -EIO;
}

int state_step(struct state_db *db, sqlite3_stmt *statement)
{
	if (!statement)
		return last_errno(db);
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : last_errno(db);
}

int state_run(struct state_db *db, sqlite3_stmt *statement)
{
	int rc = state_step(db, statement);

	if (statement)
		sqlite3_reset(statement);
	return rc > 0 ? 0 : rc;
}

int state_changes(struct state_db *db)
{
	return sqlite3_changes(db->handle);
}

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
