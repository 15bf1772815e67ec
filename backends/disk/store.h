#ifndef CACHEFS_DISK_STORE_H
#define CACHEFS_DISK_STORE_H

/*
 * What the parts of the disk layer share:
 *
 *   disk.c         the backend: gets and lists on connections of their own, sets as jobs
 *   disk/conf.c    the options
 *   disk/readers.c the connections that gets read on
 *   disk/list.c    children of a directory
 *   disk/queue.c   the jobs that wait, and who owns the connection for writing
 *   disk/writer.c  group commit, the writer thread
 *   disk/txn.c     one transaction
 *   disk/entry.c   one entry in it       disk/evict.c   entries that go by themselves
 *   disk/change.c  what a job does in it
 *   disk/range.c   jobs that change very many rows, by steps
 *   disk/amounts.c what the layer takes on its disk, and a shorter database
 *   disk/wal.c     the database's log: checkpoints, the blocks that it keeps
 *   disk/space.c   what removals need, kept for them; eviction on a full file system
 *   disk/limit.c   room for what is added, within the limit; a shorter database
 *   disk/upkeep.c  the connection for writing, and the writer thread's work between jobs
 *   disk/watch.c   what other programs changed
 *   disk/refresh.c gets as other programs count them
 *   disk/names.c   lists of keys and files
 *   disk/hits.c    hits not written yet       kit/value_files.c  files of large values
 *   disk/schema.c  the tables                 disk/row.c     rows <-> keys and metadata
 *   kit/db.c      one connection and its statements
 */

#include <assert.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "cache.h"
#include "kit/db_files.h"
#include "disk/statements.h"
#include "disk/hits.h"
#include "disk/names.h"
#include "disk/queue.h"
#include "disk/readers.h"
#include "disk/schema.h"
#include "disk/txn.h"
#include "disk/watch.h"
#include "disk/wal.h"
#include "kit/value_files.h"
#include "kit/free_space.h"
#include "base/lock.h"

struct disk_conf {
	char *path;
	uint64_t size_limit;   /* bytes; 0: none */
	uint64_t inline_limit; /* larger values are files */
	uint64_t min_free;     /* bytes, as free_space.h says */
	bool vacuum_on_start;
	bool ensure_directory;
	mode_t mode; /* of a database that is made; 0: 0600 */
};

extern const struct option_spec disk_conf_options[];
int disk_conf_check(const void *conf, struct problem *problem); /* what only the user can mend */
size_t disk_conf_places(const void *conf, struct store_place places[STORE_PLACES_MAX]);
int disk_conf_make_directory(const struct disk_conf *conf, struct problem *problem);
mode_t disk_conf_directory_mode(const struct disk_conf *conf);   /* of those that lead to it */
void disk_conf_make_file(const struct disk_conf *conf);          /* empty, if it is missing */
void disk_conf_warn_of_readers(const struct disk_conf *conf);    /* other users, by the modes */

enum {
	DISK_BUSY_MS = 5000,     /* how long a call waits for another program's lock */
	DISK_LARGE = 256 * 1024, /* loading more bytes than this counts as waiting */
};

struct disk_writer {
	pthread_t thread;
	int64_t upkeep_ms; /* when upkeep is due; the thread's */
	/* of who owns the connection: */
	struct db db;
	struct db_files files; /* as they were when it was opened */
	bool lost;             /* what was committed last could not be put back */
	bool damaged; /* the file that was open, as it was then: it stays down */
	struct timespec damaged_mtime;
	int64_t retry_ms; /* when to try to open again */
	int64_t recount_ms;
	int64_t data_version; /* moves when another program commits */
	int64_t refresh_ms;   /* when rows were refreshed last, and what may be written at once */
	uint64_t refresh_left;
	DIR *sweep;           /* over the files of values, while orphans are looked for */
	bool sweep_due, vacuum_due;
	bool full_said;       /* that the file system is full */
	int step_rows;        /* of a step at most; 0: as many as there is time for */
	struct free_space space;
	bool shortens;       /* the database can be made shorter */
	bool over;           /* the limit */
	uint64_t surplus;    /* bytes of free pages to be given back; UINT64_MAX: all there are */
	int64_t surplus_ms;  /* when to look for more */
	char trouble[320];      /* the last that was logged */
	/* How long other programs' locks have been waited for; moves with whatever is done. */
	atomic_int_fast64_t locked_ms;
	struct db_guard guard;
};

struct disk {
	const struct disk_conf *conf;
	const struct backend_env *env;
	struct value_files values;
	struct disk_hits hits;
	struct disk_queue queue;
	struct disk_writer writer;
	struct disk_txn *txn; /* under way; the owner's, as the log is */
	struct disk_wal wal;
	struct disk_watch watch;
	struct disk_readers readers;

	uint64_t spare_low;    /* bytes: the fewest in free pages since the limit looked last */
	uint64_t limit;        /* without the WAL, for which the rest is; 0: none */
	int vacuum_pages;      /* how many are given back at once */
	int step_rows;         /* how many one transaction removes or moves */
	atomic_uint_fast64_t inline_limit; /* larger values are files */

	char trouble[160]; /* why it is down; "": it is not. Guarded by the readers' lock */

	atomic_bool up;      /* the database is open and ours */
	atomic_int down_for; /* what a read says while it is not: what the daemon is short of (no miss) */
	atomic_int_fast64_t cut_until_ms; /* a statement had no end: no job is begun before then */
	atomic_bool corrupt; /* a statement met damage */
	atomic_bool suspect; /* a statement failed as it would if the tables were replaced */
	atomic_uint_fast64_t
		generation; /* of the file behind the path; older connections are closed */
	atomic_uint_fast64_t damaged; /* hash of the key last complained of */
	atomic_int_fast64_t entries;
	atomic_int_fast64_t file_bytes;
	atomic_uint_fast64_t used_bytes; /* pages in use, files and WAL */
	atomic_uint_fast64_t page_size;
	atomic_uint_fast64_t evictions, expiries;
};

/* The connection for writing, its owner's. */
static inline struct db *disk_db(struct disk *d)
{
	assert(disk_queue_is_owner(&d->queue));
	return &d->writer.db;
}

/* --- the writer: disk/writer.c ---------------------------------------------------------------- */

void disk_writer_ending(struct disk *d); /* see struct backend */

int disk_writer_start(struct disk *d); /* 0 or -errno; the database may be down all the same */
void disk_writer_stop(struct disk *d); /* after the jobs that are queued */

/*
 * Runs a job: waits for its commit. -EHOSTDOWN: nothing was done, or only some steps of it: another
 * program has held the lock for DISK_BUSY_MS altogether, or the writer shows no life; it does not
 * fail because others take long. Once its transaction has begun the wait is for the local disk
 * alone, and without deadline: the outcome would be unknown.
 */
int disk_writer_submit(struct disk *d, struct disk_job *job);

/* A use of the key, as other programs count it; or not, if too many are. */
int disk_refresh(struct disk_txn *txn, struct key key, double used);

/* --- the limit: disk/limit.c ------------------------------------------------------------------ */

/* The database is open, and disk_wal_configure() called. */
void disk_limit_configure(struct disk *d);

/* What may go before the set of a value is not enough, whatever goes. */
bool disk_limit_can_never_fit(const struct disk *d, const struct disk_job *job);

/*
 * Room for the value of a set, before anything is added. keep: the row that is not to go; freed:
 * what the set replaces takes. 0: there is room, or, with job->more, there is some more after the
 * next step. -EFBIG: it cannot be had. -EOPNOTSUPP: not for a file, but for a row.
 */
int disk_limit_make_room(struct disk_txn *txn, struct disk_job *job, int64_t keep, uint64_t freed);

/* In the background: what is above the limit goes, free pages are given back. *more: there is more
 * to do. */
bool disk_limit_has_work(struct disk *d);
int disk_limit_step(struct disk_txn *txn, bool *more);

/* A database of before, which cannot be made shorter, is rewritten: takes long. */
void disk_limit_convert(struct disk *d);

/* --- many rows: disk/range.c ------------------------------------------------------------------ */

/* One step of the job each, as disk_change_apply(). */
int disk_range_remove(struct disk_txn *txn, struct disk_job *job);
int disk_range_remove_unreachable(struct disk_txn *txn, struct disk_job *job);
int disk_range_rename(struct disk_txn *txn, struct disk_job *job);

/* The job has failed with job->rc. True: some of its steps are committed, and it goes on to undo
 * them. */
bool disk_range_turn_back(struct disk_job *job);

/* After opening: renames that a daemon has begun, and died. */
void disk_range_finish_renames(struct disk *d);

/* --- a full file system: disk/space.c --------------------------------------------------------- */

/*
 * A removal needs no space: what it writes fits into blocks that the layer has already. The WAL has
 * some that it keeps when it is cut; the database has its own up to its last page, written or not,
 * and free pages among them, which sets leave alone. All for who owns the connection.
 */

/* Before a transaction is committed that may have added pages. 0 or -ENOSPC: it has to be rolled
 * back. */
int disk_space_keep(struct disk *d);

void disk_space_init(struct disk *d);

/* What has been tried for one job: made with = {0}. */
struct disk_relief {
	bool wrote_back;
};

/*
 * A job met a full file system, and its transaction has been rolled back: writes the WAL back, then
 * evicts, a step each time. True: it is worth another try.
 */
bool disk_space_relieve(struct disk *d, struct disk_relief *relief, const struct disk_job *job);

/* Evicts for min_free, a step. True: there is more to do. */
bool disk_space_upkeep(struct disk *d);

/* --- between jobs: disk/upkeep.c -------------------------------------------------------------- */

/* Opens the database if it is due; logs a new trouble. True: up. */
bool disk_upkeep_connect(struct disk *d);
void disk_upkeep_disconnect(struct disk *d);

/* Opens anew if the file was replaced or its tables were. True: up. */
bool disk_upkeep_check(struct disk *d);

/* One bounded step of: hits, expiry, orphans, recounting. True: there is more to do. */
bool disk_upkeep_step(struct disk *d);

/* Up, and nobody has met what has to be looked at first. */
bool disk_upkeep_is_current(const struct disk *d);

/* --- listing: disk/list.c --------------------------------------------------------------------- */

int disk_list_children(struct disk *d, struct db *db, struct key dir, struct key after,
		       bool after_is_dir, struct children *batch);

#endif
