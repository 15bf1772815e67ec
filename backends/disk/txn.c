/* One transaction of the connection for writing. See disk/txn.h. */
#include "disk/txn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "disk/schema.h"
#include "disk/store.h"
#include "base/log.h"

enum {
	/* How much one transaction removes or moves. */
	STEP_MS = 50,
	STEP_FILES = 32,
	STEP_FILE_BYTES = 256 << 20, /* removing a file takes some 0.1 ms a MiB */
	CUT_MS = 10000,              /* without a change, after one that had no end */
};

static void on_change(void *self, int operation, const char *database, const char *table,
		      sqlite3_int64 rowid)
{
	struct disk_txn *txn = ((struct disk *)self)->txn;

	(void)database;
	if (!txn || operation != SQLITE_INSERT || strcmp(table, "cachefs_log") != 0)
		return;
	if (txn->logged.first == 0)
		txn->logged.first = rowid;
	txn->logged.last = rowid;
}

void disk_txn_configure(struct disk *d)
{
	sqlite3_update_hook(disk_db(d)->handle, on_change, d);
}

bool disk_txn_is_open(const struct disk_txn *txn)
{
	return txn->disk->txn == txn && disk_queue_is_owner(&txn->disk->queue);
}

int disk_txn_begin(struct disk_txn *txn, struct disk *d)
{
	assert(!d->txn);
	*txn = (struct disk_txn){ .disk = d,
				  .db = disk_db(d),
				  .now = time_instant(d->env->time),
				  .end_ms = disk_now_ms(d) + STEP_MS };
	int rc = db_run(txn->db, disk_statement(txn->db, DISK_BEGIN));
	if (rc == 0)
		d->txn = txn;
	return rc;
}

/* Only a database without WAL makes a commit wait, for readers. */
static int commit(struct disk_txn *txn)
{
	struct disk *d = txn->disk;
	struct db_files *files = &d->connection.files;
	int64_t deadline = disk_now_ms(d) + DISK_BUSY_MS;
	int rc;

	if (db_files_look(files) != DB_FINE)
		return -EIO; /* what it read may be half a database */
	if (txn->logged.first > 0)
		disk_watch_own(d, txn->logged);
	while ((rc = db_run(txn->db, disk_statement(txn->db, DISK_COMMIT))) == -EAGAIN &&
	       disk_now_ms(d) < deadline)
		poll(NULL, 0, 1);
	if (rc < 0 && txn->logged.first > 0)
		disk_watch_disown(d, txn->logged);
	if (rc == 0)
		db_files_committed(files, (unsigned)d->wal.frames, txn->changes);
	return rc;
}

static void take_effect(struct disk_txn *txn)
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
		if (key_is_valid(key))
			d->env->gone(d->env->self, key);
	}
}

int disk_txn_end(struct disk_txn *txn, int rc)
{
	struct disk *d = txn->disk;

	assert(rc <= 0 && disk_txn_is_open(txn) && txn->db == disk_db(d));
	if (rc == 0)
		rc = commit(txn);
	d->txn = NULL;
	if (rc == 0) {
		take_effect(txn);
	} else {
		if (!sqlite3_get_autocommit(txn->db->handle))
			db_run(txn->db, disk_statement(txn->db, DISK_ROLLBACK));
		disk_hits_settle(&d->hits, false);
	}
	disk_names_fini(&txn->unlinked);
	disk_names_fini(&txn->gone);
	return rc;
}

/* Rows may share no page, and all that is written lies in the log until it is committed. */
bool disk_txn_has_time(const struct disk_txn *txn)
{
	int fewer = txn->disk->fewer_rows, rows = txn->disk->step_rows;

	assert(disk_txn_is_open(txn));
	return txn->rows < (fewer > 0 && fewer < rows ? fewer : rows) &&
	       txn->unlinked.count < STEP_FILES && txn->file_bytes > -STEP_FILE_BYTES &&
	       disk_now_ms(txn->disk) < txn->end_ms;
}

int disk_txn_change_found(struct disk_txn *txn, sqlite3_stmt *s)
{
	assert(disk_txn_is_open(txn));
	int rc = db_run(txn->db, s);

	txn->rows++;
	return rc == 0 && sqlite3_changes64(txn->db->handle) == 0 ? -EUCLEAN : rc;
}

/* --- errors ----------------------------------------------------------------------------------- */

static void note_cut(struct disk *d)
{
	char trigger[64];

	if (atomic_load(&d->connection.guard.ending_ms) > 0)
		return;
	atomic_store(&d->cut_until_ms, disk_now_ms(d) + CUT_MS);
	disk_schema_other_trigger(disk_db(d), trigger, sizeof(trigger));
	log_error("disk: layer \"%s\": a change of %s was cut off after %d s; a trigger of another "
		  "program%s%s may not end: drop it; nothing is written for %d s",
		  d->env->layer_name, d->conf->path, DB_CHANGE_MS / 1000, trigger[0] ? ", " : "",
		  trigger, CUT_MS / 1000);
}

void disk_txn_note_error(struct disk *d, int rc)
{
	if (rc == -EUCLEAN)
		atomic_store(&d->corrupt, true);
	if (rc == -ETIMEDOUT)
		note_cut(d);
}

bool disk_txn_is_cut(const struct disk *d)
{
	return disk_now_ms(d) < atomic_load(&d->cut_until_ms);
}
