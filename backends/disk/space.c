/* A full file system below the database. See disk/space.h. */
#include "disk/space.h"

#include <assert.h>
#include <errno.h>

#include "disk/amounts.h"
#include "disk/evict.h"
#include "disk/store.h"
#include "base/log.h"

enum {
	SPARE_PAGES = 16,        /* free pages that a set adds when removals have half of them */
	ROW_OVERHEAD = 32 << 10, /* what a row takes beside its value, in the trees */
	EVICT_AHEAD = 64 << 10,  /* evicted beyond what a job needs, for the next ones */
	EMPTY_PAGES = 24,        /* of a database without entries */
	GIVE_BACK_PAGES = 32,    /* moved at once: they fit into the reserve of the WAL */
	FEW_ROWS = 16,           /* of a step, if the WAL has no room for a whole one */
};

/* --- what is kept ----------------------------------------------------------------------------- */

static int add_spare_pages(struct disk *d)
{
	struct db *db = disk_db(d);
	sqlite3_stmt *s = disk_statement(db, DISK_SPARE_ADD);

	if (s)
		sqlite3_bind_int64(s, 1, (int64_t)(SPARE_PAGES * atomic_load(&d->page_size)));
	int rc = db_run(db, s);
	return rc < 0 ? rc : db_run(db, disk_statement(db, DISK_SPARE_FREE));
}

/* A checkpoint could not write pages back for which the file has no blocks, and the WAL would grow
 * for ever. */
int disk_space_keep(struct disk *d)
{
	struct db *db = disk_db(d);
	int64_t pages = 0, spare = 0;

	int rc = disk_number(db, DISK_FREE_COUNT, &spare);
	if (rc == 0 && spare < SPARE_PAGES / 2)
		rc = add_spare_pages(d);
	if (rc == 0)
		rc = disk_number(db, DISK_PAGE_COUNT, &pages);
	if (rc < 0)
		return rc;
	sqlite3_int64 bytes = pages * (int64_t)atomic_load(&d->page_size);
	int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_SIZE_HINT, &bytes);
	return code == SQLITE_OK ? 0 : -ENOSPC;
}

/* --- relief ----------------------------------------------------------------------------------- */

/* Evicts up to so many rows but the key's in a transaction of its own. 0 or -errno. */
static int evict_rows(struct disk *d, struct key keep, int rows, uint64_t enough,
		      struct space_round *round)
{
	struct disk_txn txn;
	uint64_t bytes = 0;

	int rc = disk_txn_begin(&txn, d);
	if (rc < 0)
		return rc;
	rc = disk_evict_oldest(&txn, keep, rows, enough, &bytes);
	uint64_t entries = txn.evictions;
	rc = disk_txn_end(&txn, rc);
	if (rc == 0)
		space_round_evicted(round, entries, bytes);
	disk_wal_restart(d);
	return rc;
}

/* As many as the WAL has room for. */
static int evict_step(struct disk *d, struct key keep, uint64_t enough, struct space_round *round)
{
	int rows = DISK_EVICT_STEP, rc;

	do
		rc = evict_rows(d, keep, rows, enough, round);
	while (rc == -ENOSPC && (rows /= 2) > 0);
	return rc;
}

/*
 * Free pages become space of the file system, as far as the database can be made shorter, until
 * there is enough; the spare ones stay. True: there is more space than before.
 */
static bool give_back(struct disk *d, uint64_t enough)
{
	uint64_t first = disk_file_system_free(d);
	struct disk_amounts a;
	int64_t gained = 1;

	while (gained > 0 && disk_file_system_free(d) < enough &&
	       disk_amounts_count(d, 0, &a) == 0 &&
	       a.spare > SPARE_PAGES * atomic_load(&d->page_size)) {
		gained = disk_amounts_shorten(d, GIVE_BACK_PAGES);
		disk_wal_restart(d);
	}
	return disk_file_system_free(d) > first;
}

/* What the job adds. */
static uint64_t job_bytes(const struct disk_job *job)
{
	return job->kind == DISK_JOB_FREE ? job->size : disk_job_row_bytes(job) + ROW_OVERHEAD;
}

/* If everything else went: a row lies in the WAL and in the database, a file beside them. */
static bool can_fit(struct disk *d, const struct disk_job *job)
{
	uint64_t bytes = job_bytes(job);
	struct disk_amounts a;

	disk_amounts_count(d, 0, &a);
	uint64_t room = disk_file_system_free(d) + a.all + a.files;
	if (job->kind == DISK_JOB_FREE)
		return bytes <= room;
	return 2 * bytes <= room + disk_wal_reserve(d);
}

/* What the entries take: not the log, the free pages, and what an empty database has. */
static uint64_t held_bytes(struct disk *d)
{
	uint64_t empty = EMPTY_PAGES * atomic_load(&d->page_size);
	struct disk_amounts a;

	disk_amounts_count(d, 0, &a);
	uint64_t used = a.all - a.spare;
	return (used > empty ? used - empty : 0) + a.files;
}

/* What the job can be written to without any space of the file system. */
static uint64_t free_pages_for(struct disk *d, const struct disk_job *job)
{
	struct disk_amounts a;

	disk_amounts_count(d, 0, &a);
	return job->kind == DISK_JOB_FREE ? 0 : a.spare;
}

static void say_once(struct disk *d)
{
	if (!d->space.full_said)
		log_warning("disk: layer \"%s\": the file system of %s is full: the least recently "
			    "used entries go",
			    d->env->layer_name, d->conf->path);
	d->space.full_said = true;
}

/* A step of fewer rows, if the job goes by steps. False: it was a single one. */
static bool take_fewer_rows(struct disk *d, const struct disk_job *job)
{
	if (!disk_job_is_long(job) || d->fewer_rows == 1)
		return false;
	d->fewer_rows = d->fewer_rows > 0 ? d->fewer_rows / 2 : FEW_ROWS;
	return true;
}

bool disk_space_relieve(struct disk *d, struct disk_relief *relief, const struct disk_job *job)
{
	uint64_t bytes = job_bytes(job);
	bool for_file = job->kind == DISK_JOB_FREE;

	assert(job->rc == -ENOSPC && !d->txn);
	if (!relief->wrote_back) {
		relief->wrote_back = true;
		disk_wal_restart(d);
		return true;
	}
	if (take_fewer_rows(d, job))
		return true;
	if (!disk_job_adds(job) && !for_file)
		return false;
	if (!can_fit(d, job))
		return false;
	say_once(d);
	if (!for_file && free_pages_for(d, job) >= bytes) /* it is the WAL that cannot grow */
		return give_back(d, bytes + EVICT_AHEAD);
	uint64_t held = held_bytes(d);
	struct space_round round = free_space_need(&d->space.policy, bytes, held);
	if (!space_round_goes_on(&round, held, free_pages_for(d, job)))
		return false;
	int rc = evict_step(d, job->key, bytes + EVICT_AHEAD, &round);
	if (for_file)
		give_back(d, bytes);
	space_round_goes_on(&round, held_bytes(d), free_pages_for(d, job));
	return rc == 0;
}

void disk_space_init(struct disk *d)
{
	free_space_init(&d->space.policy, d->env, d->conf->path, d->conf->min_free);
}

/* Whether what goes can become space of the file system. */
static bool can_shrink(const struct disk *d)
{
	return d->limit.shortens || atomic_load(&d->file_bytes) > 0;
}

bool disk_space_upkeep(struct disk *d)
{
	disk_wal_claim(d);
	struct space_round round = free_space_keep(&d->space.policy);
	if (!atomic_load(&d->space.policy.low))
		d->space.full_said = false;
	uint64_t held = held_bytes(d);
	if (!space_round_goes_on(&round, held, 0) || !can_shrink(d))
		return false;
	int rc = evict_step(d, KEY_ROOT, space_round_step(&round, held), &round);
	give_back(d, round.goal);
	disk_amounts_measure(d);
	return space_round_goes_on(&round, held_bytes(d), 0) && rc == 0;
}
