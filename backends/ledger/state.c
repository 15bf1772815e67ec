/* See state.h: opens the directory, and commits changes in groups. */
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

#include "base/lock.h"
#include "base/log.h"
#include "base/waiting.h"
#include "ledger/state_file.h"
#include "ledger/state_lock.h"
#include "ledger/state_readers.h"
#include "ledger/state_space.h"
#include "ledger/state_writer.h"

enum { SPARE = 256 * 1024 }; /* what a row takes beside itself, at most */

struct state {
	char *dir;
	char *path;
	struct value_files values;
	struct state_readers readers;
	/* Commits; and how many there were when a sync began that has succeeded. */
	atomic_uint_fast64_t commits, synced;

	struct lock lock; /* RANK_LAYER; guards: */
	pthread_cond_t committed;
	struct state_change *first, *last;
	bool leading; /* somebody commits, */
	struct state_writer
		writer; /* and owns this without the lock; else it is whose the lock is */
};

/* --- opening and closing ---------------------------------------------------------------------- */

static struct state *state_new(const char *dir, const struct time_source *time)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
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
	condition_init(&s->committed);
	state_readers_init(&s->readers, s->path, time);
	state_writer_init(&s->writer, s->dir, s->path, time, &s->readers);
	return s;
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

int state_open(const char *dir, const struct time_source *time, struct state **state,
	       struct problem *problem)
{
	struct state *s = state_new(dir, time);

	if (!s)
		return problem_set(problem, NULL, NULL, "out of memory");
	int rc = state_lock_take(dir, &s->writer.lock_fd, problem);
	if (rc == 0)
		rc = state_file_prepare(s->path, time, problem);
	state_writer_own(&s->writer);
	if (rc == 0 && state_writer_open(&s->writer) < 0)
		rc = problem_set(problem, s->path, "name another \"state_dir\"",
				 "cannot open the state database");
	state_writer_disown(&s->writer);
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
	state_lock_mark(s->writer.lock_fd, STATE_ENDING);
}

void state_close(struct state *s)
{
	assert(!s->first && !s->leading);
	if (s->writer.db.handle)
		state_look(s);
	state_readers_close(&s->readers);
	state_writer_own(&s->writer);
	state_writer_close(&s->writer);
	state_writer_disown(&s->writer);
	state_writer_fini(&s->writer);
	state_readers_fini(&s->readers);
	value_files_fini(&s->values);
	pthread_cond_destroy(&s->committed);
	lock_fini(&s->lock);
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

/* --- readers ---------------------------------------------------------------------------------- */

/* Who commits looks too. */
static void look_before_reading(struct state *s)
{
	lock_take(&s->lock);
	bool well = s->leading || state_writer_is_well(&s->writer);
	lock_release(&s->lock);
	if (!well)
		state_look(s);
}

struct db *state_read_begin(struct state *s)
{
	assert(lock_none_held());
	look_before_reading(s);
	return state_readers_take(&s->readers);
}

void state_read_end(struct state *s, struct db *db)
{
	state_readers_give(&s->readers, db);
}

/* --- changes ---------------------------------------------------------------------------------- */

static void lead_begin_locked(struct state *s)
{
	assert(lock_is_held(&s->lock) && !s->leading);
	s->leading = true;
	state_writer_own(&s->writer);
}

static void lead_end_locked(struct state *s)
{
	assert(lock_is_held(&s->lock) && s->leading);
	state_writer_disown(&s->writer);
	s->leading = false;
	pthread_cond_broadcast(&s->committed);
}

/* The caller commits what is queued, its own change with it. */
static void lead_locked(struct state *s)
{
	struct state_change *list = s->first;

	s->first = s->last = NULL;
	lead_begin_locked(s);
	lock_release(&s->lock);
	state_writer_commit(&s->writer, list);
	atomic_fetch_add(&s->commits, 1);
	lock_take(&s->lock);
	lead_end_locked(s);
	for (struct state_change *c = list, *next; c; c = next) {
		next = c->next; /* once it is done its owner may leave */
		c->done = true;
	}
}

static int run_change(struct state *s, struct state_change change)
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
			lead_locked(s);
	}
	lock_release(&s->lock);
	return change.rc;
}

int state_change(struct state *s, int (*apply)(void *self, struct db *db), void *self)
{
	return run_change(s, (struct state_change){ .apply = apply, .self = self });
}

int state_add(struct state *s, int (*apply)(void *self, struct db *db), void *self)
{
	return run_change(s, (struct state_change){ .apply = apply, .self = self, .adds = true });
}

void state_look(struct state *s)
{
	waiting_begin();
	lock_take(&s->lock);
	while (s->leading)
		condition_wait(&s->committed, &s->lock);
	lead_begin_locked(s);
	lock_release(&s->lock);
	if (!state_writer_is_well(&s->writer))
		state_writer_mend(&s->writer);
	lock_take(&s->lock);
	lead_end_locked(s);
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
	int rc = value_files_sync(&s->values, s->readers.time);
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
