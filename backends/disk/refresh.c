/* Gets as other programs count them. See disk/refresh.h. */
#include "disk/refresh.h"

#include "disk/row.h"
#include "disk/store.h"

enum {
	REFRESH_BYTES_PER_MS = 512,
	REFRESH_BYTES_MAX = 4 << 20, /* at once */
	REFRESH_ROW = 512,           /* what a row takes beside its payload */
};

/* Whether that many bytes may be written again now. */
static bool may_write(struct disk *d, uint64_t bytes)
{
	struct disk_refresh *r = &d->refresh;
	int64_t now_ms = disk_now_ms(d);
	int64_t passed_ms = r->at_ms == 0 ? REFRESH_BYTES_MAX : now_ms - r->at_ms;

	r->at_ms = now_ms;
	if (passed_ms > REFRESH_BYTES_MAX / REFRESH_BYTES_PER_MS)
		r->left = REFRESH_BYTES_MAX;
	else
		r->left += (uint64_t)passed_ms * REFRESH_BYTES_PER_MS;
	if (r->left > REFRESH_BYTES_MAX)
		r->left = REFRESH_BYTES_MAX;
	if (bytes > r->left)
		return false;
	r->left -= bytes;
	return true;
}

int disk_refresh_use(struct disk_txn *txn, struct key key, double used)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_REFRESHABLE);

	if (s)
		disk_bind_key(s, 1, key);
	int rc = db_step(txn->db, s);
	int64_t id = rc > 0 ? sqlite3_column_int64(s, 0) : 0;
	bool older = rc > 0 && sqlite3_column_double(s, 1) < used;
	uint64_t size = older ? (uint64_t)sqlite3_column_int64(s, 2) + REFRESH_ROW : 0;
	sqlite3_reset(s);
	if (rc <= 0 || !older || !may_write(txn->disk, size))
		return rc < 0 ? rc : 0;
	s = disk_statement(txn->db, DISK_REFRESH);
	if (s) {
		sqlite3_bind_int64(s, 1, id);
		sqlite3_bind_double(s, 2, used);
	}
	return db_run(txn->db, s);
}
