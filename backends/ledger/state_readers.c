/* See state_readers.h. */
#include "ledger/state_readers.h"

#include <assert.h>
#include <stdlib.h>

#include "ledger/state_space.h"

enum {
	IDLE_MAX = 8,
	WAIT_MS = 5000, /* for connections that are in use, or are being opened anew */
};

void state_readers_init(struct state_readers *r, const char *path, const struct time_source *time)
{
	*r = (struct state_readers){ .path = path, .time = time };
	lock_init(&r->lock, RANK_LAYER_INNER);
	condition_init(&r->returned);
}

void state_readers_fini(struct state_readers *r)
{
	assert(!r->idle && r->count == 0);
	pthread_cond_destroy(&r->returned);
	lock_fini(&r->lock);
}

/* False: the database is being opened anew for too long. *db NULL: one is to be opened. */
static bool take(struct state_readers *r, struct db **db)
{
	struct deadline deadline = deadline_in(r->time, WAIT_MS);
	bool in_time = true;

	lock_take(&r->lock);
	while (r->closed && in_time)
		in_time = condition_wait_until(&r->returned, &r->lock, &deadline);
	*db = r->idle;
	if (in_time && *db) {
		r->idle = (*db)->next;
		r->idle_count--;
		assert(r->idle_count >= 0);
	} else if (in_time) {
		r->count++;
	}
	lock_release(&r->lock);
	return in_time;
}

static void discard(struct state_readers *r, struct db *db)
{
	if (db)
		db_close(db);
	free(db);
	lock_take(&r->lock);
	r->count--;
	assert(r->count >= r->idle_count);
	pthread_cond_broadcast(&r->returned);
	lock_release(&r->lock);
}

struct db *state_readers_take(struct state_readers *r)
{
	struct db *db = NULL;

	if (!take(r, &db))
		return NULL;
	if (db)
		return db;
	db = calloc(1, sizeof(*db));
	if (!db || state_space_connect(db, r->path) < 0) {
		discard(r, db);
		return NULL;
	}
	return db;
}

void state_readers_give(struct state_readers *r, struct db *db)
{
	bool keep = false;

	if (!db)
		return;
	lock_take(&r->lock);
	keep = r->idle_count < IDLE_MAX && !r->closed;
	if (keep) {
		db->next = r->idle;
		r->idle = db;
		r->idle_count++;
	}
	lock_release(&r->lock);
	if (!keep)
		discard(r, db);
}

/* False: one is in use for too long. */
bool state_readers_close(struct state_readers *r)
{
	struct deadline deadline = deadline_in(r->time, WAIT_MS);
	bool in_time = true;

	lock_take(&r->lock);
	r->closed = true;
	struct db *idle = r->idle;
	r->idle = NULL;
	r->idle_count = 0;
	lock_release(&r->lock);
	while (idle) {
		struct db *db = idle;
		idle = db->next;
		discard(r, db);
	}
	lock_take(&r->lock);
	while (r->count > 0 && in_time)
		in_time = condition_wait_until(&r->returned, &r->lock, &deadline);
	lock_release(&r->lock);
	return in_time;
}

void state_readers_open(struct state_readers *r)
{
	lock_take(&r->lock);
	r->closed = false;
	pthread_cond_broadcast(&r->returned);
	lock_release(&r->lock);
}
