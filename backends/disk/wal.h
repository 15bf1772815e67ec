#ifndef CACHEFS_DISK_WAL_H
#define CACHEFS_DISK_WAL_H

/*
 * The log of the database (PATH-wal): how long it may grow, when it is written back, and the blocks
 * that it keeps. Every checkpoint is made here, once the database is open: after the jobs, not
 * within somebody's commit. For who owns the connection.
 */

#include <stdbool.h>
#include <stdint.h>

struct disk;
struct disk_job;

struct disk_wal {
	uint64_t bytes;        /* how long it may grow */
	int checkpoint_frames; /* its length from which it is written back */
	int frames;            /* not written back yet */
	bool claimed;          /* it has its blocks */
	bool cut_due;          /* the database is shorter: its file follows with a checkpoint */
	int64_t restart_ms;    /* not before then: readers keep it from beginning anew */
};

/* The database is open, its page size known. 0 or -errno. */
int disk_wal_configure(struct disk *d);

/* What a job adds to it. */
uint64_t disk_wal_bytes_of(const struct disk *d, const struct disk_job *job);

/* --- writing it back -------------------------------------------------------------------------- */

/* It has grown so long that jobs must wait for a checkpoint. */
bool disk_wal_is_due(const struct disk *d);
void disk_wal_checkpoint(struct disk *d); /* if it is worth it */

/* The next transaction begins it anew, if no reader is in it. SQLite's code. */
int disk_wal_restart(struct disk *d);

/* Before the transaction of these jobs: it begins anew if it would grow beyond what it may. */
void disk_wal_make_room(struct disk *d, const struct disk_job *jobs);

/* The file of the database is to become as short as the database: after the jobs. */
void disk_wal_want_cut(struct disk *d);
void disk_wal_cut(struct disk *d); /* if it is wanted */

/* --- its blocks ------------------------------------------------------------------------------- */

/* How many bytes of it keep their blocks, so that removals need no space: it is cut to that. */
uint64_t disk_wal_reserve(const struct disk *d);

/* Gives it its blocks, if it does not have them. Needs no open database. */
void disk_wal_claim(struct disk *d);
void disk_wal_unclaim(struct disk *d); /* it was cut to nothing, or is another one */

#endif
