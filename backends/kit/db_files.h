#ifndef CACHEFS_DB_FILES_H
#define CACHEFS_DB_FILES_H

/*
 * The files of an SQLite database in WAL mode, as they lie on the disk: PATH, PATH-wal (the log)
 * and PATH-shm (the log's index). SQLite looks at none of them again once it has them open, so a
 * file that is removed, replaced or cut off under it takes with it what has been committed. Here is
 * noticed that it happened, and the log is put back as it was: from the descriptor of a file that
 * was removed, or from a copy of what was committed to it (db_log.h).
 *
 * POSIX locks end with the first descriptor of the file that is closed: while the process has a
 * connection nobody may open and close the database or its index. Nothing here does; the log has no
 * locks.
 *
 * One thread at a time: who owns the connection for writing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "kit/db_log.h"

enum db_trouble {
	DB_FINE,
	DB_GONE,       /* what is at PATH is not the database that is open */
	DB_LOG_GONE,   /* nor is what is at PATH-wal the log */
	DB_LOG_CUT,    /* it is shorter than what was committed, or part of it was written over */
	DB_INDEX_GONE, /* as for PATH-shm */
	DB_INDEX_CUT,
};

struct db_files {
	const char *path; /* borrowed */
	char *log_path, *index_path;
	bool index_is_ours; /* in the memory of this process: there is no PATH-shm */
	struct db_file database, log_file, index;
	const volatile uint32_t *header; /* of the index, in shared memory; NULL: no WAL */
	unsigned faults;                 /* sqlite_os.h: of before it was opened */
	enum db_trouble found;           /* what only a commit could notice */
	struct db_log log;
	uint64_t changes; /* committed to this log */
	bool owed;        /* the log is to be put back before the database is opened, */
	enum db_trouble trouble; /* for this */
};

/* index_is_ours: by SQLite's VFS "unix-excl". */
void db_files_init(struct db_files *f, const char *path, bool index_is_ours);
void db_files_fini(struct db_files *f);

/*
 * The database has been opened, after db_files_restore(), and read from; handle stays open until
 * db_files_closed(). 0 or -errno; -ESTALE: a file went meanwhile. Again after it was written to.
 */
int db_files_opened(struct db_files *f, sqlite3 *handle);

/* Some system calls on names, no descriptors. */
enum db_trouble db_files_look(const struct db_files *f);
const char *db_files_name(enum db_trouble trouble); /* "its -wal file was removed", ... */

/*
 * A transaction of so many changes was committed, and the log has so many frames now: they are
 * copied. If what was copied before is not in the log, what was committed now may not be there
 * either, and is not put back: `found` says so, and so does db_files_look(), which is to follow.
 */
void db_files_committed(struct db_files *f, unsigned frames, unsigned changes);

/* As db_files_look(), and the log is compared with all that was committed to it. */
enum db_trouble db_files_verify(const struct db_files *f);

/* All that is in the log is in the database as well. The memory of the copy is kept for the next
 * one, unless idle. */
void db_files_checkpointed(struct db_files *f, bool idle);

/*
 * Every connection of this process is closed, without a checkpoint if there was a trouble. What is
 * owed then is paid by db_files_restore(), before the database is opened: nothing, or the log put
 * back once nobody else has the database open. 0, or -errno and the reason in words; it is owed
 * until the database has been opened with it, or until it turns out to be beyond that: then *lost is
 * how many changes may have gone with the log.
 */
void db_files_closed(struct db_files *f, enum db_trouble trouble);
int db_files_restore(struct db_files *f, uint64_t *lost, char *reason, size_t size);

/* Whether something at PATH or beside it cannot be a file of a database: the reason in words. */
bool db_files_are_odd(const char *path, char *reason, size_t size);

#endif
