/* The pool of connections on which gets and listings read. See disk/readers.h. */
#include "disk/readers.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "disk/store.h"
#include "kit/sqlite_os.h"
#include "base/waiting.h"

enum { BUSY_PAUSE_MAX_MS = 10 };

void disk_readers_init(struct disk_readers *r, const struct time_source *time)
{
	*r = (struct disk_readers){ .guard.time = time };
	lock_init(&r->lock, RANK_LAYER_INNER);
	condition_init(&r->changed);
}

void disk_readers_fini(struct disk_readers *r)
{
	assert(r->count == 0 && !r->idle);
	pthread_cond_destroy(&r->changed);
	lock_fini(&r->lock);
}

static int down_error(const struct disk *d)
{
	int rc = atomic_load(&d->down_for);

	return rc < 0 ? rc : -EHOSTDOWN;
}

static void reader_discard(struct disk *d, struct db *db)
{
	if (db)
		db_close(db);
	free(db);
	lock_take(&d->readers.lock);
	assert(d->readers.count > 0);
	d->readers.count--;
	pthread_cond_broadcast(&d->readers.changed);
	lock_release(&d->readers.lock);
}

static void reader_return(struct disk *d, struct db *db)
{
	lock_take(&d->readers.lock);
	assert(d->readers.count > 0);
	db->next = d->readers.idle;
	d->readers.idle = db;
	pthread_cond_broadcast(&d->readers.changed);
	lock_release(&d->readers.lock);
}

/* 0 with a connection or with leave to make one (*db NULL); -EAGAIN: all are busy. */
static int reader_reserve(struct disk *d, struct db **db)
{
	int rc = 0;

	*db = NULL;
	lock_take(&d->readers.lock);
	if (d->readers.closing)
		rc = -EAGAIN;
	else if ((*db = d->readers.idle))
		d->readers.idle = (*db)->next;
	else if (d->readers.count < DISK_READERS_MAX)
		d->readers.count++;
	else
		rc = -EAGAIN;
	lock_release(&d->readers.lock);
	return rc;
}

static bool reader_wait(struct disk *d, const struct deadline *deadline)
{
	bool in_time = true;

	lock_take(&d->readers.lock);
	while ((d->readers.closing || (!d->readers.idle && d->readers.count >= DISK_READERS_MAX)) &&
	       in_time && atomic_load(&d->up))
		in_time = condition_wait_until(&d->readers.changed, &d->readers.lock, deadline);
	lock_release(&d->readers.lock);
	return in_time;
}

static int reader_open(struct disk *d, struct db **db)
{
	uint64_t generation = atomic_load(&d->generation);
	struct db *made = calloc(1, sizeof(*made));

	int rc = -ENOMEM;
	if (made)
		rc = db_open(made, d->conf->path, DB_READER, &d->readers.guard) == SQLITE_OK
			     ? 0
			     : made->failure;
	if (rc < 0) {
		reader_discard(d, made);
		return rc;
	}
	made->generation = generation;
	*db = made;
	return 0;
}

static int reader_take(struct disk *d, struct db **db)
{
	int rc = reader_reserve(d, db);

	if (rc == -EAGAIN) {
		struct deadline deadline = deadline_in(d->env->time, DISK_BUSY_MS);
		waiting_begin();
		do {
			if (!reader_wait(d, &deadline) || !atomic_load(&d->up))
				return down_error(d);
			rc = reader_reserve(d, db);
		} while (rc == -EAGAIN);
	}
	if (*db && (*db)->generation == atomic_load(&d->generation))
		return 0;
	if (*db) { /* of a file that is not there any more */
		db_close(*db);
		free(*db);
	}
	return reader_open(d, db);
}

static bool is_to_close(struct disk *d)
{
	lock_take(&d->readers.lock);
	bool closing = d->readers.closing;
	lock_release(&d->readers.lock);
	return closing;
}

/* Again and again while another program keeps it from it, unless the connection is to be closed. */
static int read_patiently(struct disk *d, struct db *db, disk_read_call *read,
			  struct disk_lookup *lookup)
{
	int64_t deadline = 0;
	int pause_ms = 1, rc;

	while ((rc = read(d, db, lookup)) == -EAGAIN && !is_to_close(d)) {
		int64_t now = disk_now_ms(d);
		waiting_begin();
		if (deadline == 0)
			deadline = now + DISK_BUSY_MS;
		if (now >= deadline)
			break;
		poll(NULL, 0, pause_ms);
		if (pause_ms < BUSY_PAUSE_MAX_MS)
			pause_ms *= 2;
	}
	return rc;
}

/* What it found is not believed. */
static void drop(struct disk_lookup *lookup)
{
	value_unref(lookup->value);
	meta_fini(&lookup->meta);
	lookup->value = NULL;
	lookup->file[0] = '\0';
}

static int read_once(struct disk *d, disk_read_call *read, struct disk_lookup *lookup)
{
	struct db *db = NULL;

	if (!atomic_load(&d->up))
		return down_error(d);
	int rc = reader_take(d, &db);
	if (rc < 0) {
		disk_queue_nudge(&d->queue); /* it looks what is the matter */
		return rc == -EAGAIN ? -EHOSTDOWN : rc;
	}
	unsigned faults = sqlite_os_faults();
	rc = read_patiently(d, db, read, lookup);
	if (faults != sqlite_os_faults()) {
		if (rc == 0)
			drop(lookup);
		rc = -EIO;
	}
	if (rc == -EHOSTDOWN || rc == -EUCLEAN)
		atomic_store(rc == -EUCLEAN ? &d->corrupt : &d->suspect, true);
	reader_return(d, db);
	return rc;
}

/* Whether the writer, who is asked to look what is the matter, has opened the database anew. */
static bool is_opened_anew(struct disk *d, uint64_t generation)
{
	struct deadline deadline = deadline_in(d->env->time, DISK_BUSY_MS);
	bool in_time = true;

	waiting_begin();
	lock_take(&d->readers.lock);
	uint64_t looks = d->readers.looks;
	lock_release(&d->readers.lock);
	disk_queue_nudge(&d->queue);
	lock_take(&d->readers.lock);
	while (d->readers.looks == looks && in_time)
		in_time = condition_wait_until(&d->readers.changed, &d->readers.lock, &deadline);
	lock_release(&d->readers.lock);
	return atomic_load(&d->up) && atomic_load(&d->generation) != generation;
}

int disk_read(struct disk *d, disk_read_call *read, struct disk_lookup *lookup)
{
	uint64_t generation = atomic_load(&d->generation);
	int rc = read_once(d, read, lookup);

	bool ask = rc == -EIO || rc == -EHOSTDOWN || rc == -EUCLEAN ||
		   (rc == -EAGAIN && is_to_close(d));
	if (ask && atomic_load(&d->up) && is_opened_anew(d, generation))
		rc = read_once(d, read, lookup);
	return rc == -EAGAIN ? -EHOSTDOWN : rc == -EUCLEAN ? -EIO : rc;
}

/* --- all of them ------------------------------------------------------------------------------ */

static void close_idle(struct disk *d)
{
	struct db *idle;

	lock_take(&d->readers.lock);
	idle = d->readers.idle;
	d->readers.idle = NULL;
	lock_release(&d->readers.lock);
	while (idle) {
		struct db *db = idle;
		idle = db->next;
		reader_discard(d, db);
	}
}

bool disk_readers_close(struct disk *d)
{
	struct deadline deadline = deadline_in(d->env->time, DISK_BUSY_MS);
	bool in_time = true;

	lock_take(&d->readers.lock);
	d->readers.closing = true;
	while (d->readers.count > 0 && in_time) {
		if (d->readers.idle) {
			lock_release(&d->readers.lock);
			close_idle(d);
			lock_take(&d->readers.lock);
		} else {
			in_time = condition_wait_until(&d->readers.changed, &d->readers.lock,
						       &deadline);
		}
	}
	bool closed = d->readers.count == 0;
	lock_release(&d->readers.lock);
	return closed;
}

void disk_readers_open(struct disk *d)
{
	assert(disk_queue_is_owner(&d->queue));
	lock_take(&d->readers.lock);
	d->readers.closing = false;
	pthread_cond_broadcast(&d->readers.changed);
	lock_release(&d->readers.lock);
}

void disk_readers_looked(struct disk *d)
{
	lock_take(&d->readers.lock);
	d->readers.looks++;
	pthread_cond_broadcast(&d->readers.changed);
	lock_release(&d->readers.lock);
}
