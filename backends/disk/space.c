/* A full file system below the database. See disk/store.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "disk/store.h"
#include "base/log.h"

enum {
	SPARE_PAGES = 16, /* free pages that a set adds when removals have half of them */
	WAL_RESERVE_MIN = 256 << 10,
	WAL_RESERVE_PART = 16,   /* of the file system's blocks, at most one in so many */
	ROW_OVERHEAD = 32 << 10, /* what a row takes beside its value, in the trees */
	EVICT_AHEAD = 64 << 10,  /* evicted beyond what a job needs, for the next ones */
	EMPTY_PAGES = 24,        /* of a database without entries */
	GIVE_BACK_PAGES = 32,    /* moved at once: they fit into the reserve of the WAL */
	FEW_ROWS = 16,           /* of a step, if the WAL has no room for a whole one */
};

/* --- what is kept ----------------------------------------------------------------------------- */

static int look_at_file_system(const struct disk *d, struct statvfs *fs)
{
	return statvfs(d->conf->path, fs) < 0 ? -errno : 0;
}

uint64_t disk_space_all(const struct disk *d)
{
	struct statvfs fs;

	return look_at_file_system(d, &fs) < 0 ? UINT64_MAX : (uint64_t)fs.f_blocks * fs.f_frsize;
}

uint64_t disk_space_free(const struct disk *d)
{
	struct statvfs fs;

	return look_at_file_system(d, &fs) < 0 ? 0 : (uint64_t)fs.f_bavail * fs.f_frsize;
}

/* So that a value in a row can be replaced on a full disk too, if the file system is not small. */
uint64_t disk_space_wal_reserve(const struct disk *d)
{
	uint64_t wanted = d->conf->inline_limit + WAL_RESERVE_MIN;
	uint64_t most = disk_space_all(d) / WAL_RESERVE_PART;

	if (wanted > most)
		wanted = most;
	if (d->limit > 0 && wanted > d->wal_bytes) /* it is a part of the limit */
		wanted = d->wal_bytes;
	return wanted > WAL_RESERVE_MIN ? wanted : WAL_RESERVE_MIN;
}

/* Beyond the end of the file: SQLite does not see them, and writes into them. No lock is lost with
 * the descriptor, for SQLite's are on the other two files. */
void disk_space_claim(struct disk *d)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s-wal", d->conf->path);

	if (d->writer.claimed || n < 0 || n >= PATH_MAX)
		return;
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		d->writer.claimed = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0,
					      (off_t)disk_space_wal_reserve(d)) == 0 ||
				    errno == EOPNOTSUPP;
	close(fd);
}

static int add_spare_pages(struct disk *d)
{
	struct db *db = &d->writer.db;
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
	struct db *db = &d->writer.db;
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

static uint64_t free_pages(struct disk *d)
{
	int64_t spare = 0;

	disk_number(&d->writer.db, DISK_FREE_COUNT, &spare);
	return (uint64_t)spare * atomic_load(&d->page_size);
}

/* Evicts up to so many rows but the key's in a transaction of its own. 0 or -errno. */
static int evict_rows(struct disk *d, struct key keep, int rows, uint64_t enough,
		      struct space_round *round)
{
	struct disk_txn txn;
	uint64_t bytes = 0;

	int rc = disk_writer_begin(d);
	if (rc < 0)
		return rc;
	disk_txn_init(&txn, d);
	rc = disk_change_evict(&txn, keep, rows, enough, &bytes);
	uint64_t entries = txn.evictions;
	rc = disk_writer_end(&txn, rc);
	if (rc == 0)
		space_round_evicted(round, entries, bytes);
	disk_upkeep_restart_log(d);
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
	uint64_t spare = SPARE_PAGES * atomic_load(&d->page_size);
	uint64_t first = disk_space_free(d), left = free_pages(d);
	char text[64];

	snprintf(text, sizeof(text), "PRAGMA incremental_vacuum(%d)", GIVE_BACK_PAGES);
	while (disk_space_free(d) < enough && left > spare) {
		int rc = db_exec(&d->writer.db, text);
		disk_upkeep_restart_log(d);
		uint64_t now = free_pages(d);
		if (rc < 0 || now >= left)
			break;
		left = now;
	}
	return disk_space_free(d) > first;
}

/* What the job adds. */
static uint64_t job_bytes(const struct disk_job *job)
{
	return job->kind == DISK_JOB_FREE ? job->size : disk_job_row_bytes(job) + ROW_OVERHEAD;
}

/* If everything else went: a row lies in the WAL and in the database, a file beside them. */
static bool can_fit(struct disk *d, const struct disk_job *job)
{
	int64_t pages = 0, files = atomic_load(&d->file_bytes);
	uint64_t bytes = job_bytes(job), room = disk_space_free(d);

	disk_number(&d->writer.db, DISK_PAGE_COUNT, &pages);
	room += (uint64_t)pages * atomic_load(&d->page_size) + (files > 0 ? (uint64_t)files : 0);
	if (job->kind == DISK_JOB_FREE)
		return bytes <= room;
	return 2 * bytes <= room + disk_space_wal_reserve(d);
}

/* What the entries take: not the log, the free pages, and what an empty database has. */
static uint64_t held_bytes(struct disk *d)
{
	int64_t pages = 0, files = atomic_load(&d->file_bytes);

	disk_number(&d->writer.db, DISK_PAGE_COUNT, &pages);
	uint64_t used = (uint64_t)pages * atomic_load(&d->page_size) - free_pages(d);
	uint64_t empty = EMPTY_PAGES * atomic_load(&d->page_size);
	return (used > empty ? used - empty : 0) + (files > 0 ? (uint64_t)files : 0);
}

static void say_once(struct disk *d)
{
	if (!d->writer.full_said)
		log_warning("disk: layer \"%s\": the file system of %s is full: the least recently "
			    "used entries go",
			    d->env->layer_name, d->conf->path);
	d->writer.full_said = true;
}

/* A step of fewer rows, if the job goes by steps. False: it was a single one. */
static bool take_fewer_rows(struct disk_writer *w, const struct disk_job *job)
{
	if (!disk_job_is_long(job) || w->step_rows == 1)
		return false;
	w->step_rows = w->step_rows > 0 ? w->step_rows / 2 : FEW_ROWS;
	return true;
}

bool disk_space_relieve(struct disk *d, struct disk_relief *relief, const struct disk_job *job)
{
	uint64_t bytes = job_bytes(job);
	bool for_file = job->kind == DISK_JOB_FREE;

	if (!relief->wrote_back) {
		relief->wrote_back = true;
		disk_upkeep_restart_log(d);
		return true;
	}
	if (take_fewer_rows(&d->writer, job))
		return true;
	if (!disk_job_adds(job) && !for_file)
		return false;
	if (!can_fit(d, job))
		return false;
	say_once(d);
	if (!for_file && free_pages(d) >= bytes) /* it is the WAL that cannot grow */
		return give_back(d, bytes + EVICT_AHEAD);
	uint64_t held = held_bytes(d);
	struct space_round round = free_space_need(&d->writer.space, bytes, held);
	if (!space_round_goes_on(&round, held, for_file ? 0 : free_pages(d)))
		return false;
	int rc = evict_step(d, job->key, bytes + EVICT_AHEAD, &round);
	if (for_file)
		give_back(d, bytes);
	space_round_goes_on(&round, held_bytes(d), for_file ? 0 : free_pages(d));
	return rc == 0;
}

void disk_space_init(struct disk *d)
{
	free_space_init(&d->writer.space, d->env->layer_name, d->conf->path, d->conf->min_free);
}

/* Whether what goes can become space of the file system. */
static bool can_shrink(const struct disk *d)
{
	return d->writer.shortens || atomic_load(&d->file_bytes) > 0;
}

bool disk_space_upkeep(struct disk *d)
{
	struct disk_writer *w = &d->writer;

	disk_space_claim(d);
	struct space_round round = free_space_keep(&w->space);
	if (!atomic_load(&w->space.low))
		w->full_said = false;
	if (!space_round_goes_on(&round, held_bytes(d), 0) || !can_shrink(d))
		return false;
	int rc = evict_step(d, KEY_ROOT, round.goal - round.before, &round);
	give_back(d, round.goal);
	disk_limit_measure(d);
	return space_round_goes_on(&round, held_bytes(d), 0) && rc == 0;
}
