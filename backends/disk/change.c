/* What jobs do inside the writer's transaction; eviction and expiry. See disk/store.h. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "disk/amounts.h"
#include "disk/row.h"
#include "disk/store.h"
#include "base/text.h"

enum {
	/* How much one transaction removes or moves. */
	STEP_MS = 50,
	STEP_FILES = 32,
	STEP_FILE_BYTES = 256 << 20, /* removing a file takes some 0.1 ms a MiB */
};

/* --- the transaction -------------------------------------------------------------------------- */

void disk_txn_init(struct disk_txn *txn, struct disk *d)
{
	*txn = (struct disk_txn){ .disk = d,
				  .db = &d->writer.db,
				  .now = time_instant(d->env->time),
				  .end_ms = time_mono_ms(&time_system) + STEP_MS };
}

/* Rows may share no page, and all that is written lies in the log until it is committed. */
bool disk_txn_has_time(const struct disk_txn *txn)
{
	int fewer = txn->disk->writer.step_rows, rows = txn->disk->step_rows;

	return txn->rows < (fewer > 0 && fewer < rows ? fewer : rows) &&
	       txn->unlinked.count < STEP_FILES &&
	       txn->file_bytes > -STEP_FILE_BYTES && time_mono_ms(&time_system) < txn->end_ms;
}

void disk_txn_fini(struct disk_txn *txn)
{
	disk_hits_settle(&txn->disk->hits, false); /* nothing is taken any more after a commit */
	disk_names_fini(&txn->unlinked);
	disk_names_fini(&txn->gone);
}

void disk_txn_committed(struct disk_txn *txn)
{
	struct disk *d = txn->disk;

	disk_hits_settle(&d->hits, true);
	atomic_fetch_add(&d->entries, txn->entries);
	atomic_fetch_add(&d->file_bytes, txn->file_bytes);
	atomic_fetch_add(&d->evictions, txn->evictions);
	atomic_fetch_add(&d->expiries, txn->expiries);
	for (size_t i = 0; i < txn->unlinked.count; i++)
		value_files_remove(&d->values, txn->unlinked.items[i].bytes);
	for (size_t i = 0; i < txn->gone.count; i++) {
		struct key key = key_make(txn->gone.items[i].bytes, txn->gone.items[i].size);
		if (key_is_valid(key) && d->env->gone)
			d->env->gone(d->env->self, key);
	}
}

/* --- rows ------------------------------------------------------------------------------------- */

/* The row of a key, as far as a change needs it. */
struct row {
	bool exists, live;
	int64_t id;
	uint64_t size;
	char file[VALUE_FILE_NAME]; /* empty: none */
};

/* What a row says of its file's size; another program may have written what no file can have. */
static uint64_t file_size(int64_t told)
{
	return told > 0 && told < INT64_MAX / 4 ? (uint64_t)told : 0;
}

/* Fills meta (finished by the caller) if it is asked for and the row exists. */
static int row_find(struct disk_txn *txn, struct key key, struct row *row, struct meta *meta)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_FIND);
	struct meta found = { 0 };

	*row = (struct row){ 0 };
	if (s)
		disk_bind_key(s, 1, key);
	int rc = db_step(txn->db, s);
	if (rc > 0) {
		const char *file = (const char *)sqlite3_column_text(s, DISK_COLUMN_FILE);
		disk_row_meta(s, &found);
		row->exists = true;
		row->live = !meta_is_expired(&found, txn->now);
		row->id = sqlite3_column_int64(s, DISK_COLUMN_ROWID);
		row->size = file_size((int64_t)found.size);
		if (file && value_files_is_name(file))
			memcpy(row->file, file, VALUE_FILE_NAME);
	}
	if (s)
		sqlite3_reset(s);
	if (rc > 0 && meta)
		meta_move(meta, &found);
	meta_fini(&found);
	return rc < 0 ? rc : 0;
}

/* The file of a row that is deleted or replaced goes after the commit. */
static int row_file_unlinked(struct disk_txn *txn, const char *file, uint64_t size)
{
	if (!file[0])
		return 0;
	txn->file_bytes -= (int64_t)disk_file_bytes(file_size((int64_t)size));
	return disk_names_add(&txn->unlinked, file, strlen(file));
}

int disk_change_found(struct disk_txn *txn, sqlite3_stmt *s)
{
	int rc = db_run(txn->db, s);

	txn->rows++;
	return rc == 0 && sqlite3_changes64(txn->db->handle) == 0 ? -EUCLEAN : rc;
}

int disk_change_delete(struct disk_txn *txn, int64_t id, const char *file, uint64_t size)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_DELETE);

	if (s)
		sqlite3_bind_int64(s, 1, id);
	int rc = disk_change_found(txn, s);
	if (rc < 0)
		return rc;
	txn->entries--;
	return row_file_unlinked(txn, file, size);
}

/* --- recency, expiry, eviction ---------------------------------------------------------------- */

static int change_use(struct disk_txn *txn, struct key key, double used, uint64_t hits)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_USE);

	if (s) {
		disk_bind_key(s, 1, key);
		sqlite3_bind_double(s, 2, used);
		sqlite3_bind_int64(s, 3, (int64_t)hits);
	}
	int rc = db_run(txn->db, s);
	return rc < 0 ? rc : disk_refresh(txn, key, used);
}

int disk_change_use(struct disk_txn *txn, const struct disk_hit *hit)
{
	return change_use(txn, key_make(hit->key_bytes, hit->key_size), hit->used, hit->count);
}

/* The row that DISK_OLDEST or DISK_EXPIRED found: its id twice, key, file, size. */
struct victim {
	int64_t use_id, id;
	bool stale; /* no row behind the note of its use */
	char file[VALUE_FILE_NAME];
	uint64_t size;
};

/* 1 found: its key is the last of txn->gone. 0 none. */
static int victim_find(struct disk_txn *txn, sqlite3_stmt *s, struct victim *victim)
{
	int rc = db_step(txn->db, s);

	*victim = (struct victim){ 0 };
	if (rc > 0) {
		const char *file = (const char *)sqlite3_column_text(s, 3);
		struct key key = disk_column_key(s, 2);
		victim->use_id = sqlite3_column_int64(s, 0);
		victim->stale = sqlite3_column_type(s, 1) == SQLITE_NULL;
		victim->id = sqlite3_column_int64(s, 1);
		if (file && value_files_is_name(file))
			memcpy(victim->file, file, VALUE_FILE_NAME);
		victim->size = (uint64_t)sqlite3_column_int64(s, 4);
		int added = disk_names_add(&txn->gone, key.bytes, key.size);
		rc = added < 0 ? added : 1;
	}
	if (s)
		sqlite3_reset(s);
	return rc;
}

int disk_change_expire(struct disk_txn *txn, int max)
{
	struct victim victim;
	int count = 0;

	while (count < max) {
		sqlite3_stmt *s = disk_statement(txn->db, DISK_EXPIRED);
		if (s)
			disk_bind_over(s, 1, txn->now);
		int rc = victim_find(txn, s, &victim);
		if (rc == 0)
			break;
		if (rc > 0)
			rc = disk_change_delete(txn, victim.id, victim.file, victim.size);
		if (rc < 0)
			return rc;
		txn->expiries++;
		count++;
	}
	return count;
}

/* Deletes the row that the statement finds. 1: it did, or put what it found right; 0: none. */
static int evict_found(struct disk_txn *txn, sqlite3_stmt *s, uint64_t *bytes)
{
	struct victim victim;
	int rc = victim_find(txn, s, &victim);

	if (rc <= 0)
		return rc;
	if (victim.stale) {
		disk_names_drop_last(&txn->gone);
		s = disk_statement(txn->db, DISK_FORGET_USE);
		if (s)
			sqlite3_bind_int64(s, 1, victim.use_id);
		rc = db_run(txn->db, s);
		return rc < 0 ? rc : 1;
	}
	const struct disk_hit *hit = disk_hits_take(&txn->disk->hits, disk_names_last(&txn->gone));
	if (hit) { /* not so old after all */
		disk_names_drop_last(&txn->gone);
		rc = disk_change_use(txn, hit);
		return rc < 0 ? rc : 1;
	}
	txn->evictions++;
	*bytes += victim.size;
	rc = disk_change_delete(txn, victim.id, victim.file, victim.size);
	return rc < 0 ? rc : 1;
}

int disk_change_evict_one(struct disk_txn *txn, int64_t keep)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_OLDEST);
	uint64_t bytes = 0;

	if (s)
		sqlite3_bind_int64(s, 1, keep);
	int rc = evict_found(txn, s, &bytes);
	return rc == 0 ? -EFBIG : rc < 0 ? rc : 0;
}

/* The ids of the least recently used rows. Without a limit there is no index of their order, so
 * they are looked for once for all of a step. Returns how many, or -errno. */
static int find_oldest(struct disk_txn *txn, int64_t *ids, int max)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_OLDEST_IDS);
	int count = 0, rc;

	if (s)
		sqlite3_bind_int(s, 1, max);
	while ((rc = db_step(txn->db, s)) > 0 && count < max)
		ids[count++] = sqlite3_column_int64(s, 0);
	if (s)
		sqlite3_reset(s);
	return rc < 0 ? rc : count;
}

int disk_change_evict(struct disk_txn *txn, struct key keep, int rows, uint64_t enough,
		      uint64_t *bytes)
{
	int64_t ids[DISK_EVICT_STEP + 1];
	struct row kept;
	int count = 0;

	*bytes = 0;
	int rc = row_find(txn, keep, &kept, NULL);
	if (rc == 0)
		rc = count = find_oldest(txn, ids, rows + (kept.exists ? 1 : 0));
	for (int i = 0; i < count && rc >= 0 && *bytes < enough; i++) {
		sqlite3_stmt *s = disk_statement(txn->db, DISK_USED_BY);
		if (kept.exists && ids[i] == kept.id)
			continue;
		if (s)
			sqlite3_bind_int64(s, 1, ids[i]);
		rc = evict_found(txn, s, bytes);
	}
	bool none = count == 0 || (count == 1 && kept.exists && ids[0] == kept.id);
	return rc < 0 ? rc : none ? -ENOENT : 0;
}

/* --- one entry -------------------------------------------------------------------------------- */

/* Names the job's file, once: a name outlives a transaction that is tried again. */
static int link_file(struct disk_txn *txn, struct disk_job *job)
{
	struct value_files *values = &txn->disk->values;

	if (job->fd < 0)
		return 0;
	if (!job->file[0]) {
		int rc = value_files_link(values, job->fd, job->file);
		if (rc < 0) {
			job->file[0] = '\0';
			return rc;
		}
	} else if (!value_files_exists(values, job->file)) {
		return -EIO;
	}
	return 0;
}

static void bind_payload(sqlite3_stmt *s, const struct disk_job *job)
{
	const void *bytes = job->fd < 0 && job->size > 0 ? job->bytes : "";
	uint64_t size = job->fd < 0 ? job->size : 0;

	if (job->file[0])
		sqlite3_bind_text(s, 21, job->file, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(s, 21);
	if (text_is_plain(bytes, (size_t)size))
		sqlite3_bind_text64(s, 22, bytes, size, SQLITE_STATIC, SQLITE_UTF8);
	else
		sqlite3_bind_blob64(s, 22, bytes, size, SQLITE_STATIC);
}

static int upsert(struct disk_txn *txn, const struct disk_job *job)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_UPSERT);

	if (s) {
		disk_bind_key(s, 1, job->key);
		disk_row_bind_meta(s, job->meta);
		sqlite3_bind_int64(s, 3, (int64_t)job->size);
		sqlite3_bind_int64(s, 20, (int64_t)job->meta->hits);
		bind_payload(s, job);
		sqlite3_bind_double(s, 23, disk_hits_tick(&txn->disk->hits));
	}
	return db_run(txn->db, s);
}

/* What replacing the row gives back. */
static uint64_t row_gives_back(const struct row *row)
{
	return row->file[0] ? disk_file_bytes(row->size) : row->size;
}

static int set_entry(struct disk_txn *txn, struct disk_job *job)
{
	struct row old;

	if (disk_limit_can_never_fit(txn->disk, job))
		return -EFBIG;
	int rc = row_find(txn, job->key, &old, NULL);
	if (rc == 0)
		rc = disk_limit_make_room(txn, job, old.id, row_gives_back(&old));
	if (rc < 0 || job->more)
		return rc;
	rc = link_file(txn, job);
	if (rc == 0) {
		disk_hits_take(&txn->disk->hits, job->key); /* meta->hits has them */
		rc = upsert(txn, job);
	}
	if (rc == 0)
		rc = row_file_unlinked(txn, old.file, old.size);
	if (rc < 0)
		return rc;
	txn->file_bytes += job->fd >= 0 ? (int64_t)disk_file_bytes(job->size) : 0;
	if (!old.exists)
		txn->entries++;
	disk_names_strike(&txn->gone, job->key);
	return 0;
}

/* As the change says itself: atime does not take it for a hit of later. */
static double used_at(const struct meta *meta)
{
	return (double)meta->ctime.tv_sec + (double)(meta->ctime.tv_nsec / 1000) / 1e6;
}

static int touch_entry(struct disk_txn *txn, const struct disk_job *job)
{
	struct meta meta = { 0 };
	struct row row;
	int rc = row_find(txn, job->key, &row, &meta);

	if (rc == 0 && !row.live)
		rc = -ENOENT;
	if (rc < 0)
		goto out;
	meta_update(&meta, job->meta, job->fields);
	sqlite3_stmt *s = disk_statement(txn->db, DISK_TOUCH);
	if (s) {
		sqlite3_bind_int64(s, 1, row.id);
		disk_row_bind_meta(s, &meta);
	}
	rc = db_run(txn->db, s);
	if (rc == 0 && (job->fields & META_USED))
		rc = change_use(txn, job->key, used_at(&meta), 0);
out:
	meta_fini(&meta);
	return rc;
}

static int remove_entry(struct disk_txn *txn, struct key key)
{
	struct row row;
	int rc = row_find(txn, key, &row, NULL);

	if (rc == 0 && row.exists)
		rc = disk_change_delete(txn, row.id, row.file, row.size);
	return rc == 0 && !row.live ? -ENOENT : rc;
}

static int move_row(struct disk_txn *txn, int64_t id, struct key to)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_MOVE);

	if (s) {
		sqlite3_bind_int64(s, 1, id);
		disk_bind_key(s, 2, to);
	}
	return disk_change_found(txn, s);
}

/* In the place of what is there. */
int disk_change_move(struct disk_txn *txn, int64_t id, struct key from, struct key to)
{
	const struct disk_hit *hit = disk_hits_take(&txn->disk->hits, from);
	struct row target;
	int rc = hit ? disk_change_use(txn, hit) : 0;

	if (rc == 0)
		rc = row_find(txn, to, &target, NULL);
	if (rc == 0 && target.exists)
		rc = disk_change_delete(txn, target.id, target.file, target.size);
	if (rc < 0)
		return rc;
	disk_hits_take(&txn->disk->hits, to); /* of what is replaced */
	disk_names_strike(&txn->gone, to);
	return move_row(txn, id, to);
}

static int rename_entry(struct disk_txn *txn, struct key from, struct key to)
{
	struct row row;
	int rc = row_find(txn, from, &row, NULL);

	if (rc == 0 && !row.live)
		rc = -ENOENT;
	if (rc < 0 || key_equal(from, to))
		return rc;
	return disk_change_move(txn, row.id, from, to);
}

/* --- directories ------------------------------------------------------------------------------ */

static int dir_set(struct disk_txn *txn, struct key dir, const struct meta *meta)
{
	struct key_buffer marker;
	sqlite3_stmt *s = disk_statement(txn->db, DISK_DIR_SET);

	disk_marker_key(dir, &marker);
	if (s) {
		disk_bind_key(s, 1, key_make(marker.bytes, marker.size));
		disk_row_bind_dir(s, meta);
	}
	return db_run(txn->db, s);
}

static int dir_remove(struct disk_txn *txn, struct key dir)
{
	struct key_buffer marker;
	sqlite3_stmt *s = disk_statement(txn->db, DISK_DIR_DELETE);

	disk_marker_key(dir, &marker);
	if (s)
		disk_bind_key(s, 1, key_make(marker.bytes, marker.size));
	int rc = db_run(txn->db, s);
	return rc == 0 && sqlite3_changes(txn->db->handle) == 0 ? -ENOENT : rc;
}

int disk_change_apply(struct disk_txn *txn, struct disk_job *job)
{
	switch (job->kind) {
	case DISK_JOB_SET:
		return set_entry(txn, job);
	case DISK_JOB_FREE:
		return disk_file_system_free(txn->disk) >= job->size ? 0 : -ENOSPC;
	case DISK_JOB_TOUCH:
		return touch_entry(txn, job);
	case DISK_JOB_REMOVE:
		return remove_entry(txn, job->key);
	case DISK_JOB_REMOVE_PREFIX:
		return disk_range_remove(txn, job);
	case DISK_JOB_REMOVE_UNREACHABLE:
		return disk_range_remove_unreachable(txn, job);
	case DISK_JOB_RENAME:
		return rename_entry(txn, job->key, job->to);
	case DISK_JOB_RENAME_BELOW:
		return disk_range_rename(txn, job);
	case DISK_JOB_DIR_SET:
		return dir_set(txn, job->key, job->meta);
	case DISK_JOB_DIR_REMOVE:
		return dir_remove(txn, job->key);
	case DISK_JOB_SYNC: /* a row to write, so that the commit has something to make durable */
		return db_run(txn->db, disk_statement(txn->db, DISK_SYNC_MARK));
	}
	assert(false);
	return -EINVAL;
}
