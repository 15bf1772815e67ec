/* The pool of connections on which gets and listings read. See disk_store.h. */
#include "disk_store.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "waiting.h"

enum { BUSY_PAUSE_MAX_MS = 10 };

static void reader_discard(struct disk *d, struct disk_db *db)
{
	if (db)
		disk_db_close(db);
	free(db);
	lock_take(&d->pool);
	d->readers--;
	pthread_cond_signal(&d->returned);
	lock_release(&d->pool);
}

static void reader_return(struct disk *d, struct disk_db *db)
{
	lock_take(&d->pool);
	db->next = d->idle;
	d->idle = db;
	pthread_cond_signal(&d->returned);
	lock_release(&d->pool);
}

/* 0 with a connection or with leave to make one (*db NULL); -EAGAIN: all are busy. */
static int reader_reserve(struct disk *d, struct disk_db **db)
{
	int rc = 0;

	lock_take(&d->pool);
	*db = d->idle;
	if (*db)
		d->idle = (*db)->next;
	else if (d->readers < DISK_READERS_MAX)
		d->readers++;
	else
		rc = -EAGAIN;
	lock_release(&d->pool);
	return rc;
}

static bool reader_wait(struct disk *d, const struct timespec *deadline)
{
	bool in_time = true;

	lock_take(&d->pool);
	while (!d->idle && d->readers >= DISK_READERS_MAX && in_time)
		in_time = condition_wait_until(&d->returned, &d->pool, deadline);
	lock_release(&d->pool);
	return in_time;
}

static int reader_open(struct disk *d, struct disk_db **db)
{
	uint64_t generation = atomic_load(&d->generation);
	struct disk_db *made = calloc(1, sizeof(*made));

	int rc = -ENOMEM;
	if (made)
		rc = disk_db_open(made, d->conf->path, DISK_READER, &d->reading) == SQLITE_OK ? 0
										 : made->failure;
	if (rc < 0) {
		reader_discard(d, made);
		return rc;
	}
	made->generation = generation;
	*db = made;
	return 0;
}

static int reader_take(struct disk *d, struct disk_db **db)
{
	int rc = reader_reserve(d, db);

	if (rc == -EAGAIN) {
		struct timespec deadline = time_deadline(DISK_BUSY_MS);
		waiting_begin();
		do {
			if (!reader_wait(d, &deadline))
				return -EHOSTDOWN;
			rc = reader_reserve(d, db);
		} while (rc == -EAGAIN);
	}
	if (*db && (*db)->generation == atomic_load(&d->generation))
		return 0;
	if (*db) { /* of a file that is not there any more */
		disk_db_close(*db);
		free(*db);
	}
	return reader_open(d, db);
}

int disk_read(struct disk *d, int (*read)(struct disk *, struct disk_db *, struct disk_lookup *),
	      struct disk_lookup *lookup)
{
	int64_t deadline = 0;
	int pause_ms = 1;
	struct disk_db *db = NULL;

	if (!atomic_load(&d->up))
		return -EHOSTDOWN;
	int rc = reader_take(d, &db);
	if (rc < 0) {
		disk_writer_nudge(d); /* it looks what is the matter */
		return rc == -EAGAIN ? -EHOSTDOWN : rc;
	}
	while ((rc = read(d, db, lookup)) == -EAGAIN) {
		int64_t now = time_mono_ms(&time_system);
		waiting_begin();
		if (deadline == 0)
			deadline = now + DISK_BUSY_MS;
		if (now >= deadline)
			break;
		poll(NULL, 0, pause_ms);
		if (pause_ms < BUSY_PAUSE_MAX_MS)
			pause_ms *= 2;
	}
	if (rc == -EHOSTDOWN || rc == -EUCLEAN) {
		atomic_store(rc == -EUCLEAN ? &d->corrupt : &d->suspect, true);
		disk_writer_nudge(d);
	}
	reader_return(d, db);
	return rc == -EAGAIN ? -EHOSTDOWN : rc == -EUCLEAN ? -EIO : rc;
}

void disk_readers_close(struct disk *d)
{
	while (d->idle) {
		struct disk_db *db = d->idle;
		d->idle = db->next;
		disk_db_close(db);
		free(db);
	}
}
