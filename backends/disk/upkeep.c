/* The work between jobs. See disk/upkeep.h. */
#include "disk/upkeep.h"

#include <assert.h>

#include "disk/amounts.h"
#include "disk/entry.h"
#include "disk/evict.h"
#include "disk/row.h"
#include "disk/store.h"
#include "base/log.h"

enum {
	RECOUNT_MS =
		10000, /* after other programs wrote, the amounts are counted again, so rarely */
	HITS_STEP = 256,
	EXPIRE_STEP = 64,
	SWEEP_STEP = 64,
};

static void recount(struct disk *d)
{
	disk_amounts_recount(d);
	disk_number(disk_db(d), DISK_DATA_VERSION, &d->upkeep.data_version);
	d->upkeep.recount_ms = disk_now_ms(d) + RECOUNT_MS;
}

void disk_upkeep_begin(struct disk *d)
{
	assert(!d->upkeep.sweep);
	recount(d);
	d->upkeep.sweep_due = true;
}

void disk_upkeep_end(struct disk *d)
{
	struct disk_upkeep *u = &d->upkeep;

	if (u->sweep)
		closedir(u->sweep);
	u->sweep = NULL;
}

/* --- orphans ---------------------------------------------------------------------------------- */

/* Runs inside a write transaction: nobody else is between naming a file and committing its row. */
static int sweep_name(struct disk *d, const char *name)
{
	struct db *db = disk_db(d);
	sqlite3_stmt *s = disk_statement(db, DISK_FILE_KNOWN);
	int64_t known = 1;

	if (!value_files_is_name(name))
		return 0;
	if (s)
		sqlite3_bind_text(s, 1, name, -1, SQLITE_TRANSIENT);
	int rc = disk_number(db, DISK_FILE_KNOWN, &known);
	if (rc == 0 && known == 0 && db_files_look(&d->connection.files) == DB_FINE) {
		log_debug("disk: layer \"%s\": file %s has no entry: removed", d->env->layer_name,
			  name);
		value_files_remove(&d->values, name);
	}
	return rc;
}

static int sweep_step(struct disk *d)
{
	struct disk_upkeep *u = &d->upkeep;

	assert(d->txn);
	if (!u->sweep && u->sweep_due) {
		u->sweep_due = false;
		u->sweep = value_files_list(&d->values);
	}
	for (int i = 0; u->sweep && i < SWEEP_STEP; i++) {
		const struct dirent *entry = readdir(u->sweep);
		int rc = entry ? sweep_name(d, entry->d_name) : 0;
		if (!entry || rc < 0) {
			closedir(u->sweep);
			u->sweep = NULL;
			return rc;
		}
	}
	return 0;
}

/* --- steps ------------------------------------------------------------------------------------ */

static bool expired_waiting(struct disk *d)
{
	struct db *db = disk_db(d);
	sqlite3_stmt *s = disk_statement(db, DISK_EXPIRED);
	int64_t found = 0;

	if (!s)
		return false;
	disk_bind_over(s, 1, time_instant(d->env->time));
	int rc = db_step(db, s);
	if (rc > 0)
		found = 1;
	sqlite3_reset(s);
	return found > 0;
}

/* Another program committed since: what we count in memory may be wrong. */
static void notice_others(struct disk *d)
{
	struct disk_upkeep *u = &d->upkeep;
	int64_t version = u->data_version;

	if (disk_now_ms(d) < u->recount_ms)
		return;
	if (disk_number(disk_db(d), DISK_DATA_VERSION, &version) == 0 &&
	    version != u->data_version) {
		recount(d);
		u->sweep_due = true;
	}
}

/* Returns whether a part of the work was so much that there is probably more. */
static int step_in_transaction(struct disk *d, struct disk_txn *txn, bool *more)
{
	const struct disk_hit *hit;
	int rc = 0;

	for (int i = 0; i < HITS_STEP && rc == 0 && (hit = disk_hits_take_next(&d->hits)); i++)
		rc = disk_entry_use(txn, hit);
	if (rc < 0)
		return rc;
	int expired = disk_evict_expired(txn, EXPIRE_STEP);
	if (expired < 0)
		return expired;
	rc = sweep_step(d);
	*more = expired == EXPIRE_STEP || d->upkeep.sweep || disk_hits_count(&d->hits) > 0;
	return rc < 0 ? rc : disk_limit_step(txn, more);
}

bool disk_upkeep_step(struct disk *d)
{
	struct disk_upkeep *u = &d->upkeep;
	struct disk_txn txn;
	bool more = false;

	if (disk_txn_is_cut(d))
		return false;
	notice_others(d);
	bool limit = disk_limit_has_work(d);
	if (disk_hits_count(&d->hits) == 0 && !u->sweep && !u->sweep_due && !expired_waiting(d) &&
	    !limit)
		return false;
	if (disk_txn_begin(&txn, d) < 0)
		return false; /* locked by another program: later */
	int rc = disk_txn_end(&txn, step_in_transaction(d, &txn, &more));
	atomic_fetch_add(&d->connection.guard.life, 1);
	disk_txn_note_error(d, rc);
	return rc == 0 && more;
}
