/*
 * Other programs evict what has the oldest updated_at: the gets of ours move it as well, written
 * down with their hits. That rewrites the row, payload and all, so it is bounded by time: what is
 * more is left out, and the key's next hit tries again. See disk/schema.h.
 */
#include "disk/row.h"
#include "disk/store.h"

enum {
	REFRESH_BYTES_PER_MS = 512,
	REFRESH_BYTES_MAX = 4 << 20, /* at once */
	REFRESH_ROW = 512,           /* what a row takes beside its payload */
};

/* Whether that many bytes may be written again now. */
static bool may_write(struct disk_writer *w, uint64_t bytes)
{
	int64_t now_ms = time_mono_ms(&time_system);
	int64_t passed_ms = w->refresh_ms == 0 ? REFRESH_BYTES_MAX : now_ms - w->refresh_ms;

	w->refresh_ms = now_ms;
	if (passed_ms > REFRESH_BYTES_MAX / REFRESH_BYTES_PER_MS)
		w->refresh_left = REFRESH_BYTES_MAX;
	else
		w->refresh_left += (uint64_t)passed_ms * REFRESH_BYTES_PER_MS;
	if (w->refresh_left > REFRESH_BYTES_MAX)
		w->refresh_left = REFRESH_BYTES_MAX;
	if (bytes > w->refresh_left)
		return false;
	w->refresh_left -= bytes;
	return true;
}

int disk_refresh(struct disk_txn *txn, struct key key, double used)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_REFRESHABLE);

	if (s)
		disk_bind_key(s, 1, key);
	int rc = db_step(txn->db, s);
	int64_t id = rc > 0 ? sqlite3_column_int64(s, 0) : 0;
	bool older = rc > 0 && sqlite3_column_double(s, 1) < used;
	uint64_t size = older ? (uint64_t)sqlite3_column_int64(s, 2) + REFRESH_ROW : 0;
	if (s)
		sqlite3_reset(s);
	if (rc <= 0 || !older || !may_write(&txn->disk->writer, size))
		return rc < 0 ? rc : 0;
	s = disk_statement(txn->db, DISK_REFRESH);
	if (s) {
		sqlite3_bind_int64(s, 1, id);
		sqlite3_bind_double(s, 2, used);
	}
	return db_run(txn->db, s);
}
