/*
 * Changes of the database by others. Triggers write the key of every row that any program changes
 * into a table of bounded length, cachefs_log. Before a copy is trusted, disk_watch_catch_up()
 * looks for new commits, and reads the log from its last position. Our own transactions write the
 * log too, for other daemons with the same database. Nobody else writes during such a transaction,
 * so it knows which rows of the log are ours.
 *
 * 48 bytes of the WAL's index in shared memory tell whether there was a commit. A look at them
 * takes two nanoseconds; PRAGMA data_version takes four microseconds and three system calls. (The
 * layout is a part of SQLite's file format, "WAL-Index Header". A commit increments its field
 * iChange, and so does a connection that makes the index anew.) Without WAL, the PRAGMA is used.
 */
#include "disk/watch.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "disk/row.h"
#include "disk/store.h"
#include "base/waiting.h"

void disk_watch_init(struct disk *d)
{
	lock_init(&d->watch.lock, RANK_LAYER_INNER);
	condition_init(&d->watch.looked);
}

void disk_watch_fini(struct disk *d)
{
	pthread_cond_destroy(&d->watch.looked);
	lock_fini(&d->watch.lock);
}

/* --- whether there was a commit --------------------------------------------------------------- */

/* Another process may be writing it: then it differs, and the log is read. */
__attribute__((no_sanitize("thread"))) static bool header_is(const volatile uint32_t *header,
							     const uint32_t *seen)
{
	for (int i = 0; i < DISK_HEADER_WORDS; i++)
		if (header[i] != seen[i])
			return false;
	return true;
}

__attribute__((no_sanitize("thread"))) static void header_copy(const volatile uint32_t *header,
							       uint32_t *seen)
{
	for (int i = 0; i < DISK_HEADER_WORDS; i++)
		seen[i] = header[i];
}

/* True: nothing was committed since the last look. */
static bool is_quiet_locked(struct disk_watch *w)
{
	int64_t version;

	assert(lock_is_held(&w->lock));
	if (!w->db.handle || w->lost)
		return false;
	if (w->header)
		return header_is(w->header, w->seen);
	return disk_number(&w->db, DISK_DATA_VERSION, &version) == 0 && version == w->data_version;
}

/* Before the log is read: what is committed later must not look as if it had been seen. */
static int note_version(struct disk_watch *w)
{
	if (w->header)
		header_copy(w->header, w->seen);
	return disk_number(&w->db, DISK_DATA_VERSION, &w->data_version);
}

/* --- reading the log -------------------------------------------------------------------------- */

static bool is_own_locked(const struct disk_watch *w, int64_t seq)
{
	assert(lock_is_held(&w->lock));
	for (size_t i = 0; i < w->own_count; i++)
		if (seq >= w->own[i].first && seq <= w->own[i].last)
			return true;
	return false;
}

/* Whether all rows of the log between the two are ours. */
static bool are_own(struct disk_watch *w, int64_t after, int64_t before)
{
	lock_take(&w->lock);
	int64_t next = after + 1;
	for (size_t i = 0; i < w->own_count && next < before; i++)
		if (next >= w->own[i].first && next <= w->own[i].last)
			next = w->own[i].last + 1;
	lock_release(&w->lock);
	return next >= before;
}

/* What a look found. */
struct news {
	struct disk_names names;
	int64_t last; /* seq */
	bool all;     /* it does not know what was changed */
};

static int note_row(struct disk_watch *w, sqlite3_stmt *s, struct news *news)
{
	news->last = sqlite3_column_int64(s, 0);
	lock_take(&w->lock);
	bool known = news->last <= w->position || is_own_locked(w, news->last);
	lock_release(&w->lock);
	if (known || news->all)
		return 0;
	if (sqlite3_column_type(s, 1) == SQLITE_NULL) {
		news->all = true;
		return 0;
	}
	struct key key = disk_column_key(s, 1);
	return key_is_valid(key) ? disk_names_add(&news->names, key.bytes, key.size) : 0;
}

/* Rows from `position` on, which is there unless the log has been cut beyond it: many changes of
 * ours do that, too. */
static int read_log(struct disk_watch *w, int64_t position, struct news *news)
{
	sqlite3_stmt *s = disk_statement(&w->db, DISK_LOG_SINCE);
	int64_t expected = position > 0 ? position : 1;
	int rc = 0, step;

	news->last = 0;
	if (s)
		sqlite3_bind_int64(s, 1, position);
	while (rc == 0 && (step = db_step(&w->db, s)) > 0) {
		int64_t seq = sqlite3_column_int64(s, 0);
		if (news->last == 0 && seq != expected)
			news->all = seq < expected || !are_own(w, position, seq);
		rc = note_row(w, s, news);
	}
	sqlite3_reset(s);
	if (rc == 0 && step < 0)
		rc = step;
	if (rc == 0 && news->last == 0 && position > 0) /* made anew, and empty */
		news->all = true;
	return rc;
}

static int look(struct disk_watch *w, int64_t position, struct news *news)
{
	int64_t schema = 0;

	int rc = note_version(w);
	if (rc == 0)
		rc = disk_number(&w->db, DISK_SCHEMA_VERSION, &schema);
	if (rc == 0 && schema != w->schema_version)
		return -ESTALE; /* the triggers may have gone with a table */
	return rc == 0 ? read_log(w, position, news) : rc;
}

/* What is known up to the end of the log is no longer of interest. */
static void advance_locked(struct disk_watch *w, int64_t position)
{
	size_t kept = 0;

	assert(lock_is_held(&w->lock) && w->own_count <= DISK_OWN_MAX);
	w->position = position;
	for (size_t i = 0; i < w->own_count; i++)
		if (w->own[i].last > position)
			w->own[kept++] = w->own[i];
	w->own_count = kept;
}

static void tell(struct disk *d, const struct news *news)
{
	const struct backend_env *env = d->env;

	if (!env->changed)
		return;
	if (news->all)
		env->changed(env->self, KEY_ROOT);
	for (size_t i = 0; i < news->names.count && !news->all; i++)
		env->changed(env->self,
			     key_make(news->names.items[i].bytes, news->names.items[i].size));
}

/* --- who looks -------------------------------------------------------------------------------- */

/* False: nothing to look for. True: the connection is the caller's. */
static bool look_begin(struct disk_watch *w, bool attach)
{
	bool waits = false;

	for (;;) {
		if (waits)
			waiting_begin();
		lock_take(&w->lock);
		while (waits && w->looking)
			condition_wait(&w->looked, &w->lock);
		waits = w->looking;
		bool quiet = !waits && !attach && is_quiet_locked(w);
		if (!waits && !quiet)
			w->looking = true;
		lock_release(&w->lock);
		if (!waits)
			return !quiet;
	}
}

static void look_end(struct disk_watch *w)
{
	lock_take(&w->lock);
	assert(w->looking);
	w->looking = false;
	pthread_cond_broadcast(&w->looked);
	lock_release(&w->lock);
}

/* The tables are not what they were: they will be opened anew, and until then nothing is known. */
static void look_failed(struct disk *d, int rc, struct news *news)
{
	struct disk_watch *w = &d->watch;

	w->data_version = -1; /* not looked at */
	w->seen[0] = 0;
	if (rc == -EAGAIN)
		return;
	news->all = true;
	atomic_store(rc == -EUCLEAN ? &d->corrupt : &d->suspect, true);
	disk_queue_nudge(&d->queue);
}

bool disk_watch_catch_up(struct disk *d)
{
	struct disk_watch *w = &d->watch;
	struct news news = { 0 };

	if (!atomic_load(&d->up))
		return false;
	if (!look_begin(w, false))
		return true;
	lock_take(&w->lock);
	int64_t position = w->position;
	news.all = w->lost;
	w->lost = false;
	lock_release(&w->lock);
	int rc = w->db.handle ? look(w, position, &news) : -EHOSTDOWN;
	if (!w->db.handle)
		news.all = true; /* it is being opened anew */
	else if (rc < 0)
		look_failed(d, rc, &news);
	tell(d, &news);
	lock_take(&w->lock);
	if (rc == 0)
		advance_locked(w, news.last);
	lock_release(&w->lock);
	disk_names_fini(&news.names);
	look_end(w);
	return rc == 0;
}

/* --- the writer's part ------------------------------------------------------------------------ */

static int open_watch(struct disk *d)
{
	struct disk_watch *w = &d->watch;
	int64_t last = 0;

	w->header = NULL;
	db_close(&w->db);
	if (db_open(&w->db, d->conf->path, DB_READER, &d->readers.guard) != SQLITE_OK)
		return w->db.failure;
	int rc = disk_number(&w->db, DISK_SCHEMA_VERSION, &w->schema_version);
	if (rc == 0)
		w->header = db_index_of(w->db.handle);
	if (rc == 0)
		rc = note_version(w);
	if (rc == 0)
		rc = disk_number(&w->db, DISK_LOG_LAST, &last);
	lock_take(&w->lock);
	advance_locked(w, last);
	w->own_count = 0;
	lock_release(&w->lock);
	return rc;
}

void disk_watch_attach(struct disk *d)
{
	struct disk_watch *w = &d->watch;

	assert(disk_queue_is_owner(&d->queue));
	look_begin(w, true);
	if (open_watch(d) < 0)
		db_close(&w->db);
	lock_take(&w->lock);
	w->lost = w->attached || !w->db.handle;
	w->attached = true;
	lock_release(&w->lock);
	look_end(w);
}

bool disk_watch_is_attached(const struct disk *d)
{
	return d->watch.db.handle;
}

void disk_watch_detach(struct disk *d)
{
	struct disk_watch *w = &d->watch;

	assert(disk_queue_is_owner(&d->queue));
	look_begin(w, true);
	w->header = NULL;
	db_close(&w->db);
	look_end(w);
}

void disk_watch_own(struct disk *d, struct disk_own logged)
{
	struct disk_watch *w = &d->watch;

	lock_take(&w->lock);
	struct disk_own *last = w->own_count > 0 ? &w->own[w->own_count - 1] : NULL;
	assert(logged.first > 0 && disk_queue_is_owner(&d->queue));
	if (last && last->last + 1 == logged.first) {
		last->last = logged.last;
	} else {
		if (w->own_count == DISK_OWN_MAX) /* what is forgotten is taken for a stranger's */
			memmove(w->own, w->own + 1, --w->own_count * sizeof(w->own[0]));
		w->own[w->own_count++] = logged;
	}
	lock_release(&w->lock);
}

void disk_watch_disown(struct disk *d, struct disk_own logged)
{
	struct disk_watch *w = &d->watch;

	lock_take(&w->lock);
	struct disk_own *last = w->own_count > 0 ? &w->own[w->own_count - 1] : NULL;
	if (last && last->last == logged.last)
		last->last = logged.first - 1;
	w->lost = true; /* somebody else may have had these numbers, and been taken for us */
	lock_release(&w->lock);
}
