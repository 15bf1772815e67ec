/*
 * Keeps the layer within size_limit_mb: the database with its free pages, its log, and the files of
 * large values, as blocks on the disk. Room is made before something is added. First the least
 * recently used entries are evicted. A row then uses the free pages that they leave; for a file,
 * the database is made shorter by the same amount. Pages that have been free for a while are given
 * back in the background. All of this runs in steps, and other jobs run between the steps. See
 * disk/limit.h.
 */
#include "disk/limit.h"

#include <assert.h>
#include <errno.h>

#include "disk/amounts.h"
#include "disk/evict.h"
#include "disk/store.h"
#include "base/log.h"

enum {
	SCHEMA_PAGES = 24, /* what an empty database needs */
	ROW_PAGES =
		6, /* what a row may need beside its value, in the trees and their inner pages */
	SPARE_PAGES = 32,       /* free pages that are left to the next changes */
	EXPIRE_FIRST = 64,      /* expired entries looked for before a live one is evicted */
	SURPLUS_MS = 1000,      /* pages that were free all this time are given back */
	WAITS_MAX = 50,         /* for readers that keep the database from being made shorter */
	SHM_BYTES = 64 << 10,   /* the index of the log */
	IN_ROWS_MAX = 32 << 20, /* a larger value goes into no row, whatever room there is */
};

/* --- options ---------------------------------------------------------------------------------- */

void disk_limit_configure(struct disk *d)
{
	struct disk_limit *l = &d->limit;
	uint64_t wal_bytes = d->wal.bytes, page_size = atomic_load(&d->page_size),
		 limit = d->conf->size_limit;
	int64_t mode = 0;

	uint64_t kept = wal_bytes + SHM_BYTES + SPARE_PAGES / 2 * page_size;
	d->limit.bytes = limit == 0 ? 0 : limit > kept ? limit - kept : 1;
	/* A value in a row lies in the log first. */
	uint64_t in_row = limit > 0 ? wal_bytes / 4 * 3 : UINT64_MAX;
	atomic_store(&d->inline_limit,
		     d->conf->inline_limit < in_row ? d->conf->inline_limit : in_row);
	/* A page that moves changes two more. */
	uint64_t pages = wal_bytes / 16 / page_size;
	d->limit.vacuum_pages = pages < 8 ? 8 : pages > 128 ? 128 : (int)pages;
	d->step_rows = 2 * d->limit.vacuum_pages;
	disk_number(disk_db(d), DISK_AUTO_VACUUM, &mode);
	l->shortens = mode != 0;
	d->spare_low = 0;
	l->surplus = d->conf->vacuum_on_start ? UINT64_MAX : 0;
}

/* --- a shorter database ----------------------------------------------------------------------- */

/* Gives back up to so many bytes of free pages, within a transaction. Returns how many, or -errno.
 * The file itself becomes shorter with the next checkpoint. */
static int64_t shorten(struct disk_txn *txn, uint64_t bytes)
{
	struct disk *d = txn->disk;
	uint64_t page_size = atomic_load(&d->page_size);

	uint64_t pages = (bytes + page_size - 1) / page_size;
	if (pages > (uint64_t)d->limit.vacuum_pages)
		pages = (uint64_t)d->limit.vacuum_pages;
	if (!d->limit.shortens || pages == 0)
		return 0;
	txn->rows += (int)pages;
	return disk_amounts_shorten(d, (int)pages);
}

/* --- room ------------------------------------------------------------------------------------- */

bool disk_limit_can_never_fit(const struct disk *d, const struct disk_job *job)
{
	uint64_t need = job->size + job->key.size + SCHEMA_PAGES * atomic_load(&d->page_size);

	return d->limit.bytes > 0 && need > d->limit.bytes;
}

/* Evicts until the rows in use, the files, and what is needed keep to the limit. 1: there is room;
 * 0: not yet, and the time is over; -EFBIG: nothing else can go. */
static int evict(struct disk_txn *txn, int64_t keep, uint64_t need)
{
	struct disk *d = txn->disk;
	bool expired = false;
	struct disk_amounts a;

	for (;;) {
		int rc = disk_amounts_count(d, txn->file_bytes, &a);
		if (rc < 0)
			return rc;
		if (a.all - a.spare + a.files + need <= d->limit.bytes)
			return 1;
		if (!disk_txn_has_time(txn))
			return 0;
		rc = expired ? 0 : disk_evict_expired(txn, EXPIRE_FIRST);
		expired = true;
		if (rc == 0)
			rc = disk_evict_one(txn, keep);
		if (rc < 0)
			return rc;
	}
}

/*
 * For a file, once entries enough are gone: 1, 0 or -errno as evict(). Their own files go with the
 * commit, and the database becomes shorter with a checkpoint.
 */
static int shorten_for(struct disk_txn *txn, struct disk_job *job, uint64_t need)
{
	struct disk *d = txn->disk;
	struct disk_amounts a;

	for (;;) {
		int rc = disk_amounts_count(d, txn->file_bytes, &a);
		if (rc < 0)
			return rc;
		if (a.all + a.files + need <= d->limit.bytes)
			break;
		int64_t gained = shorten(txn, a.all + a.files + need - d->limit.bytes);
		if (gained <= 0)
			return gained < 0 ? (int)gained : -EOPNOTSUPP;
		if (!disk_txn_has_time(txn))
			return 0;
	}
	if (txn->unlinked.count > 0)
		return 0;
	if (disk_amounts_length(d, "") + a.files + need <= d->limit.bytes)
		return 1;
	disk_wal_want_cut(d);
	return ++job->progress.position > WAITS_MAX;
}

/* Where a database cannot be made shorter, the value may use its free pages. */
static int no_file(const struct disk_job *job)
{
	return job->size <= IN_ROWS_MAX ? -EOPNOTSUPP : -EFBIG;
}

int disk_limit_make_room(struct disk_txn *txn, struct disk_job *job, int64_t keep, uint64_t freed)
{
	struct disk *d = txn->disk;
	uint64_t page_size = atomic_load(&d->page_size);
	bool in_file = job->fd >= 0;
	uint64_t file = in_file ? disk_file_bytes(job->size) : 0;
	uint64_t row = (in_file ? 0 : job->size + job->size / 512) + 2 * job->key.size +
		       ROW_PAGES * page_size;
	uint64_t need = row + file;

	assert(job->kind == DISK_JOB_SET && disk_txn_is_open(txn));
	if (d->limit.bytes == 0)
		return 0;
	if (!in_file) /* its pages are free as soon as it is replaced */
		need = need > freed ? need - freed : 0;
	int rc = evict(txn, keep, need);
	if (rc == -EFBIG && in_file && freed > 0) /* the new one beside the old one, for once */
		return evict(txn, keep, need > freed ? need - freed : 0) == 1 ? 0 : -EFBIG;
	if (rc == 1 && in_file)
		rc = shorten_for(txn, job, need);
	if (rc < 0)
		return rc == -EOPNOTSUPP ? no_file(job) : rc;
	job->more = rc == 0;
	return 0;
}

/* --- in the background ------------------------------------------------------------------------ */

/* What was free all the time since the last look is not needed. */
static void look_for_surplus(struct disk *d)
{
	struct disk_limit *l = &d->limit;
	uint64_t kept = SPARE_PAGES * atomic_load(&d->page_size);
	int64_t now = disk_now_ms(d);
	struct disk_amounts a;

	if (now < l->surplus_ms || disk_amounts_count(d, 0, &a) < 0)
		return;
	l->surplus_ms = now + SURPLUS_MS;
	uint64_t low = d->spare_low < a.spare ? d->spare_low : a.spare;
	if (l->surplus == UINT64_MAX)
		l->surplus = a.spare;
	else
		l->surplus = low > kept ? low - kept : 0;
	d->spare_low = a.spare;
	l->over = d->limit.bytes > 0 && a.all - a.spare + a.files > d->limit.bytes;
	if (l->shortens && d->limit.bytes > 0 && a.all + a.files > d->limit.bytes &&
	    l->surplus < a.spare)
		l->surplus = a.spare;
}

bool disk_limit_has_work(struct disk *d)
{
	struct disk_limit *l = &d->limit;

	look_for_surplus(d);
	return l->over || (l->shortens && l->surplus > 0);
}

int disk_limit_step(struct disk_txn *txn, bool *more)
{
	struct disk_limit *l = &txn->disk->limit;
	int64_t gained = 0;

	if (l->over) {
		int rc = evict(txn, 0, 0);
		if (rc < 0 && rc != -EFBIG)
			return rc;
		l->over = rc == 0;
		*more |= l->over;
		if (l->over)
			return 0;
	}
	while (l->shortens && l->surplus > 0 && disk_txn_has_time(txn)) {
		gained = shorten(txn, l->surplus);
		if (gained < 0)
			return (int)gained;
		l->surplus = gained > 0 && (uint64_t)gained < l->surplus
				     ? l->surplus - (uint64_t)gained
				     : 0;
		if (l->surplus == 0)
			disk_wal_want_cut(txn->disk);
	}
	*more |= l->shortens && l->surplus > 0;
	return 0;
}

void disk_limit_convert(struct disk *d)
{
	struct disk_limit *l = &d->limit;
	int64_t start = disk_now_ms(d), mode = 0;

	if (!l->convert_due)
		return;
	l->convert_due = false;
	if (disk_number(disk_db(d), DISK_AUTO_VACUUM, &mode) < 0 || mode != 0)
		return;
	log_info("disk: layer \"%s\": %s is rewritten so that it can be made shorter from now on; "
		 "the mount is there when that is done",
		 d->env->layer_name, d->conf->path);
	int rc = db_exec(disk_db(d), "PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
	if (rc < 0)
		log_warning("disk: layer \"%s\": vacuum failed: %s", d->env->layer_name,
			    sqlite3_errmsg(disk_db(d)->handle));
	else
		log_info("disk: layer \"%s\": vacuum done in %lld ms", d->env->layer_name,
			 (long long)(disk_now_ms(d) - start));
	sqlite3_wal_checkpoint_v2(disk_db(d)->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}
