/* The log of the database. See disk/wal.h. */
#include "disk/wal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/amounts.h"
#include "disk/store.h"

enum {
	MIN_BYTES = 256 << 10,
	MAX_BYTES = 16 << 20,
	RESERVE_MIN = 256 << 10,
	RESERVE_PART = 16,   /* of the file system's blocks, at most one in so many */
	IDLE_CHECKPOINT = 8, /* without jobs it is written back at an eighth of its length */
	RESTART_MS = 100,    /* how long a checkpoint that begins it anew waits for readers */
	RESTART_PAUSE_MS = 1000,
	JOB_PAGES =
		12, /* of the trees and their inner pages, that a job may write beside its value */
	FRAME_HEADER = 24,
};

static int on_commit(void *self, sqlite3 *handle, const char *database, int frames)
{
	struct disk_wal *wal = self;

	(void)handle;
	(void)database;
	wal->frames = frames;
	return SQLITE_OK;
}

/*
 * How long it may grow before a checkpoint makes jobs wait: an eighth of the limit, of which it is
 * a part, or of the file system. Longer is faster: pages written again and again are checkpointed
 * once.
 */
static uint64_t most_bytes(const struct disk *d)
{
	uint64_t limit = d->conf->size_limit, bound = disk_file_system_size(d);
	uint64_t most = MAX_BYTES;

	if (limit > 0 && limit < bound)
		bound = limit;
	if (limit > 0 && 2 * d->conf->inline_limit > most) /* a value in a row has to fit into it */
		most = 2 * d->conf->inline_limit;
	bound /= 8;
	return bound > most ? most : bound > MIN_BYTES ? bound : MIN_BYTES;
}

int disk_wal_configure(struct disk *d)
{
	struct disk_wal *wal = &d->wal;
	sqlite3 *handle = disk_db(d)->handle;
	char text[64];
	int persist = 1;

	wal->bytes = most_bytes(d);
	/* A quarter is for the transaction that makes the checkpoint due. */
	wal->checkpoint_frames = (int)(wal->bytes / 4 * 3 / atomic_load(&d->page_size));
	wal->frames = 0;
	assert(wal->bytes >= MIN_BYTES);
	sqlite3_wal_hook(handle, on_commit, wal);
	sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	snprintf(text, sizeof(text), "PRAGMA journal_size_limit = %llu",
		 (unsigned long long)disk_wal_reserve(d));
	return db_exec(disk_db(d), text);
}

uint64_t disk_wal_bytes_of(const struct disk *d, const struct disk_job *job)
{
	uint64_t page_size = atomic_load(&d->page_size);

	return (disk_job_row_bytes(job) / page_size + JOB_PAGES) * (page_size + FRAME_HEADER);
}

/* --- writing it back -------------------------------------------------------------------------- */

/* A checkpoint of this mode, unless the files are not as they were. SQLite's code. idle: no other
 * is expected soon. */
static int write_back(struct disk *d, int mode, bool idle)
{
	struct db_files *files = &d->connection.files;
	int all = 0, done = 0;

	assert(!d->txn);
	if (db_files_look(files) != DB_FINE)
		return SQLITE_ABORT; /* it would write of a log that is not there */
	int code = sqlite3_wal_checkpoint_v2(disk_db(d)->handle, NULL, mode, &all, &done);
	if (all >= 0 && all == done && db_files_look(files) == DB_FINE)
		db_files_checkpointed(files, idle);
	d->wal.frames = all > done ? all : 0; /* a reader in it: it goes on growing, so try again */
	return code;
}

bool disk_wal_is_due(const struct disk *d)
{
	return d->wal.frames >= d->wal.checkpoint_frames;
}

void disk_wal_checkpoint(struct disk *d)
{
	struct disk_wal *wal = &d->wal;

	if (wal->frames < wal->checkpoint_frames / IDLE_CHECKPOINT)
		return;
	wal->cut_due = false;
	write_back(d, SQLITE_CHECKPOINT_PASSIVE, !disk_wal_is_due(d));
}

int disk_wal_restart(struct disk *d)
{
	sqlite3 *handle = disk_db(d)->handle;

	sqlite3_busy_timeout(handle, RESTART_MS);
	int code = write_back(d, SQLITE_CHECKPOINT_RESTART, false);
	sqlite3_busy_timeout(handle, 0);
	return code;
}

void disk_wal_make_room(struct disk *d, const struct disk_job *jobs)
{
	struct disk_wal *wal = &d->wal;
	uint64_t adds = 0;
	uint64_t length = (uint64_t)wal->frames * (atomic_load(&d->page_size) + FRAME_HEADER);
	int64_t now = disk_now_ms(d);

	for (; jobs; jobs = jobs->next)
		adds += jobs->log_bytes;
	if (d->conf->size_limit == 0 || length == 0 || length + adds <= wal->bytes ||
	    now < wal->restart_ms)
		return;
	if (disk_wal_restart(d) == SQLITE_OK)
		wal->frames = 0;
	else
		wal->restart_ms = now + RESTART_PAUSE_MS; /* somebody reads for long */
}

void disk_wal_want_cut(struct disk *d)
{
	assert(disk_queue_is_owner(&d->queue));
	d->wal.cut_due = true;
}

void disk_wal_cut(struct disk *d)
{
	if (!d->wal.cut_due)
		return;
	d->wal.cut_due = false;
	write_back(d, SQLITE_CHECKPOINT_PASSIVE, false);
}

/* --- its blocks ------------------------------------------------------------------------------- */

/* So that a value in a row can be replaced on a full disk too, if the file system is not small. */
uint64_t disk_wal_reserve(const struct disk *d)
{
	uint64_t wanted = d->conf->inline_limit + RESERVE_MIN;
	uint64_t most = disk_file_system_size(d) / RESERVE_PART;

	if (wanted > most)
		wanted = most;
	if (d->conf->size_limit > 0 && wanted > d->wal.bytes) /* it is a part of the limit */
		wanted = d->wal.bytes;
	return wanted > RESERVE_MIN ? wanted : RESERVE_MIN;
}

/* Beyond the end of the file: SQLite does not see them, and writes into them. No lock is lost with
 * the descriptor, for SQLite's are on the other two files. */
void disk_wal_claim(struct disk *d)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s-wal", d->conf->path);

	assert(disk_queue_is_owner(&d->queue));
	if (d->wal.claimed || n < 0 || n >= PATH_MAX)
		return;
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		d->wal.claimed = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0,
					   (off_t)disk_wal_reserve(d)) == 0 ||
				 errno == EOPNOTSUPP;
	close(fd);
}

void disk_wal_unclaim(struct disk *d)
{
	d->wal.claimed = false;
}
