#ifndef CACHEFS_DISK_WAL_H
#define CACHEFS_DISK_WAL_H

/*
 * The log of the database (PATH-wal): its greatest length, its checkpoints, and the blocks that it
 * keeps. Once the database is open, every checkpoint is made here: after the jobs, never within the
 * commit of a job. Only the owner of the connection for writing calls these functions; any thread
 * may call disk_wal_bytes_of().
 */

#include <stdbool.h>
#include <stdint.h>

struct disk;
struct disk_job;

struct disk_wal {
	uint64_t bytes;        /* greatest length */
	int checkpoint_frames; /* length at which a checkpoint is due */
	int frames;            /* frames that are not written back yet */
	bool claimed;          /* the log has its blocks */
	bool cut_due;          /* the next checkpoint shortens the file of the database */
	int64_t restart_ms;    /* no restart before then: readers prevented the last one */
};

/* Call it after the database was opened and its page size is known. Returns 0 or -errno. */
int disk_wal_configure(struct disk *d);

/* Returns the bytes that a job may add to the log. */
uint64_t disk_wal_bytes_of(const struct disk *d, const struct disk_job *job);

/* --- writing it back -------------------------------------------------------------------------- */

/* True if the log is so long that jobs must wait for a checkpoint. */
bool disk_wal_is_due(const struct disk *d);
void disk_wal_checkpoint(struct disk *d); /* if the log is long enough */

/* Writes the log back, so that the next transaction starts at the log's beginning, if no reader
 * uses the log. Returns SQLite's code. */
int disk_wal_restart(struct disk *d);

/* Call it before the transaction of these jobs: restarts the log if they would make it longer than
 * `bytes`. */
void disk_wal_make_room(struct disk *d, const struct disk_job *jobs);

/* disk_wal_want_cut() asks for a checkpoint after the jobs that makes the file of the database as
 * short as the database. */
void disk_wal_want_cut(struct disk *d);
void disk_wal_cut(struct disk *d); /* if disk_wal_want_cut() asked for it */

/* --- its blocks ------------------------------------------------------------------------------- */

/* Returns the length to which the log is cut. It keeps these blocks, so removals need no space. */
uint64_t disk_wal_reserve(const struct disk *d);

/* Allocates the blocks of the log if it does not have them. Needs no open database. */
void disk_wal_claim(struct disk *d);
void disk_wal_unclaim(struct disk *d); /* the log was cut to nothing, or is another file */

#endif
