/* One entry inside a transaction. See disk/entry.h. */
#include "disk/entry.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "disk/amounts.h"
#include "disk/row.h"
#include "disk/store.h"

/* What a row says of its file's size; another program may have written what no file can have. */
static uint64_t file_size(int64_t told)
{
	return told > 0 && told < INT64_MAX / 4 ? (uint64_t)told : 0;
}

int disk_entry_find(struct disk_txn *txn, struct key key, struct disk_entry *row, struct meta *meta)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_FIND);
	struct meta found = { 0 };

	assert(disk_txn_is_open(txn));
	*row = (struct disk_entry){ 0 };
	if (s)
		disk_bind_key(s, 1, key);
	int rc = db_step(txn->db, s);
	if (rc > 0) {
		disk_row_meta(s, &found);
		row->exists = true;
		row->live = !meta_is_expired(&found, txn->now);
		row->id = sqlite3_column_int64(s, DISK_COLUMN_ROWID);
		row->size = file_size((int64_t)found.size);
		disk_column_file(s, DISK_COLUMN_FILE, row->file);
	}
	sqlite3_reset(s);
	if (rc > 0 && meta)
		meta_move(meta, &found);
	meta_fini(&found);
	return rc < 0 ? rc : 0;
}

int disk_entry_drop_file(struct disk_txn *txn, const char *file, uint64_t size)
{
	if (!file[0])
		return 0;
	txn->file_bytes -= (int64_t)disk_file_bytes(file_size((int64_t)size));
	return disk_names_add(&txn->unlinked, file, strlen(file));
}

int disk_entry_delete(struct disk_txn *txn, int64_t id, const char *file, uint64_t size)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_DELETE);

	if (s)
		sqlite3_bind_int64(s, 1, id);
	int rc = disk_txn_change_found(txn, s);
	if (rc < 0)
		return rc;
	txn->entries--;
	return disk_entry_drop_file(txn, file, size);
}

static int change_use(struct disk_txn *txn, struct key key, double used, uint64_t hits)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_USE);

	if (s) {
		disk_bind_key(s, 1, key);
		sqlite3_bind_double(s, 2, used);
		sqlite3_bind_int64(s, 3, (int64_t)hits);
	}
	int rc = db_run(txn->db, s);
	return rc < 0 ? rc : disk_refresh_use(txn, key, used);
}

int disk_entry_use(struct disk_txn *txn, const struct disk_hit *hit)
{
	return change_use(txn, key_make(hit->key_bytes, hit->key_size), hit->used, hit->count);
}

/* As the change says itself: atime does not take it for a hit of later. */
static double used_at(const struct meta *meta)
{
	return (double)meta->ctime.tv_sec + (double)(meta->ctime.tv_nsec / 1000) / 1e6;
}

int disk_entry_touch(struct disk_txn *txn, const struct disk_job *job)
{
	struct meta meta = { 0 };
	struct disk_entry row;
	int rc = disk_entry_find(txn, job->key, &row, &meta);

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

int disk_entry_remove(struct disk_txn *txn, struct key key)
{
	struct disk_entry row;
	int rc = disk_entry_find(txn, key, &row, NULL);

	if (rc == 0 && row.exists)
		rc = disk_entry_delete(txn, row.id, row.file, row.size);
	return rc == 0 && !row.live ? -ENOENT : rc;
}

static int move_row(struct disk_txn *txn, int64_t id, struct key to)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_MOVE);

	if (s) {
		sqlite3_bind_int64(s, 1, id);
		disk_bind_key(s, 2, to);
	}
	return disk_txn_change_found(txn, s);
}

int disk_entry_move(struct disk_txn *txn, int64_t id, struct key from, struct key to)
{
	const struct disk_hit *hit = disk_hits_take(&txn->disk->hits, from);
	struct disk_entry target;
	int rc = hit ? disk_entry_use(txn, hit) : 0;

	if (rc == 0)
		rc = disk_entry_find(txn, to, &target, NULL);
	if (rc == 0 && target.exists)
		rc = disk_entry_delete(txn, target.id, target.file, target.size);
	if (rc < 0)
		return rc;
	disk_hits_take(&txn->disk->hits, to); /* of what is replaced */
	disk_names_strike(&txn->gone, to);
	return move_row(txn, id, to);
}

int disk_entry_rename(struct disk_txn *txn, struct key from, struct key to)
{
	struct disk_entry row;
	int rc = disk_entry_find(txn, from, &row, NULL);

	if (rc == 0 && !row.live)
		rc = -ENOENT;
	if (rc < 0 || key_equal(from, to))
		return rc;
	return disk_entry_move(txn, row.id, from, to);
}
