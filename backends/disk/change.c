/* Applies a job inside a transaction. See disk/change.h. */
#include "disk/change.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "disk/amounts.h"
#include "disk/entry.h"
#include "disk/range.h"
#include "disk/row.h"
#include "disk/store.h"
#include "base/text.h"
#include "kit/marker.h"

/* --- a set ------------------------------------------------------------------------------------ */

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
static uint64_t row_gives_back(const struct disk_entry *row)
{
	return row->file[0] ? disk_file_bytes(row->size) : row->size;
}

static int set_entry(struct disk_txn *txn, struct disk_job *job)
{
	struct disk_entry old;

	if (disk_limit_can_never_fit(txn->disk, job))
		return -EFBIG;
	int rc = disk_entry_find(txn, job->key, &old, NULL);
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
		rc = disk_entry_drop_file(txn, old.file, old.size);
	if (rc < 0)
		return rc;
	txn->file_bytes += job->fd >= 0 ? (int64_t)disk_file_bytes(job->size) : 0;
	if (!old.exists)
		txn->entries++;
	disk_names_strike(&txn->gone, job->key);
	return 0;
}

/* --- directories ------------------------------------------------------------------------------ */

static int dir_set(struct disk_txn *txn, struct key dir, const struct meta *meta)
{
	struct key_buffer marker;
	sqlite3_stmt *s = disk_statement(txn->db, DISK_DIR_SET);

	if (s) {
		disk_bind_key(s, 1, marker_key(&marker, dir));
		disk_row_bind_dir(s, meta);
	}
	return db_run(txn->db, s);
}

static int dir_remove(struct disk_txn *txn, struct key dir)
{
	struct key_buffer marker;
	sqlite3_stmt *s = disk_statement(txn->db, DISK_DIR_DELETE);

	if (s)
		disk_bind_key(s, 1, marker_key(&marker, dir));
	int rc = db_run(txn->db, s);
	return rc == 0 && sqlite3_changes(txn->db->handle) == 0 ? -ENOENT : rc;
}

int disk_change_apply(struct disk_txn *txn, struct disk_job *job)
{
	assert(disk_txn_is_open(txn) && !job->more);
	switch (job->kind) {
	case DISK_JOB_SET:
		return set_entry(txn, job);
	case DISK_JOB_FREE:
		return disk_file_system_free(txn->disk) >= job->size ? 0 : -ENOSPC;
	case DISK_JOB_TOUCH:
		return disk_entry_touch(txn, job);
	case DISK_JOB_REMOVE:
		return disk_entry_remove(txn, job->key);
	case DISK_JOB_REMOVE_PREFIX:
		return disk_range_remove(txn, job);
	case DISK_JOB_REMOVE_UNREACHABLE:
		return disk_range_remove_unreachable(txn, job);
	case DISK_JOB_RENAME:
		return disk_entry_rename(txn, job->key, job->to);
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
