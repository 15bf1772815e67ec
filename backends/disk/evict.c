/* Expiry and eviction. See disk/evict.h. */
#include "disk/evict.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "disk/entry.h"
#include "disk/row.h"
#include "disk/store.h"

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
		struct key key = disk_column_key(s, 2);
		victim->use_id = sqlite3_column_int64(s, 0);
		victim->stale = sqlite3_column_type(s, 1) == SQLITE_NULL;
		victim->id = sqlite3_column_int64(s, 1);
		disk_column_file(s, 3, victim->file);
		victim->size = (uint64_t)sqlite3_column_int64(s, 4);
		int added = disk_names_add(&txn->gone, key.bytes, key.size);
		rc = added < 0 ? added : 1;
	}
	sqlite3_reset(s);
	return rc;
}

int disk_evict_expired(struct disk_txn *txn, int max)
{
	struct victim victim;
	int count = 0;

	assert(disk_txn_is_open(txn));
	while (count < max) {
		sqlite3_stmt *s = disk_statement(txn->db, DISK_EXPIRED);
		if (s)
			disk_bind_over(s, 1, txn->now);
		int rc = victim_find(txn, s, &victim);
		if (rc == 0)
			break;
		if (rc > 0)
			rc = disk_entry_delete(txn, victim.id, victim.file, victim.size);
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
		rc = disk_entry_use(txn, hit);
		return rc < 0 ? rc : 1;
	}
	txn->evictions++;
	*bytes += victim.size;
	rc = disk_entry_delete(txn, victim.id, victim.file, victim.size);
	return rc < 0 ? rc : 1;
}

int disk_evict_one(struct disk_txn *txn, int64_t keep)
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
	sqlite3_reset(s);
	return rc < 0 ? rc : count;
}

int disk_evict_oldest(struct disk_txn *txn, struct key keep, int rows, uint64_t enough,
		      uint64_t *bytes)
{
	int64_t ids[DISK_EVICT_STEP + 1];
	struct disk_entry kept;
	int count = 0;

	assert(rows > 0 && rows <= DISK_EVICT_STEP);
	*bytes = 0;
	int rc = disk_entry_find(txn, keep, &kept, NULL);
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
