#ifndef CACHEFS_DB_FILES_H
#define CACHEFS_DB_FILES_H

/*
 * The files of an SQLite database in WAL mode on the disk: PATH, PATH-wal (the log) and PATH-shm
 * (the log's index). SQLite never checks them again once they are open. So if another program
 * removes, replaces or truncates one of these files, committed changes are lost. This module
 * notices the loss and puts the log back: from the open descriptor of the removed file, or from a
 * copy of the committed frames (db_log.h).
 *
 * POSIX locks of a file end when the process closes any descriptor of the file. So while the
 * process has a connection, no code may open and close the database or its index. This module does
 * not; the log has no locks.
 *
 * One thread at a time calls these functions: the owner of the writing connection.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "kit/db_log.h"

enum db_trouble {
	DB_FINE,
	DB_GONE,       /* PATH is not the open database any more */
	DB_LOG_GONE,   /* PATH-wal is not the open log any more */
	DB_LOG_CUT,    /* the log is shorter than the commits, or partly overwritten */
	DB_INDEX_GONE, /* PATH-shm is not the open index any more */
	DB_INDEX_CUT,
};

struct db_files {
	const char *path; /* borrowed */
	char *log_path, *index_path;
	bool index_is_ours; /* the index is in the memory of this process: there is no PATH-shm */
	struct db_file database, log_file, index;
	const volatile uint32_t *header; /* of the index, in shared memory; NULL: no WAL */
	unsigned faults;                 /* sqlite_os_faults() before the database was opened */
	enum db_trouble found;           /* a trouble that only a commit could notice */
	struct db_log log;
	uint64_t changes;        /* committed to this log */
	bool owed;               /* the log must be put back before the next open */
	enum db_trouble trouble; /* the trouble that requires it */
};

/* index_is_ours: the database uses SQLite's VFS "unix-excl". */
void db_files_init(struct db_files *f, const char *path, bool index_is_ours);
void db_files_fini(struct db_files *f);

/*
 * Notes the files of the open database. The caller has called db_files_restore(), opened the
 * database and read from it; handle stays open until db_files_closed(). Call this again after a
 * write. 0 or -errno; -ESTALE: a file disappeared during the open.
 */
int db_files_opened(struct db_files *f, sqlite3 *handle);

/* Compares the files with the noted ones: some system calls on names, no descriptors. */
enum db_trouble db_files_look(const struct db_files *f);
const char *db_files_name(enum db_trouble trouble); /* "its -wal file was removed", ... */

/*
 * A transaction of so many changes was committed, and the log has so many frames now. Copies the
 * new frames. If the log no longer contains the frames copied before, the new commit may be lost
 * too, and is not put back: the function sets `found`, and db_files_look() reports it. The caller
 * calls db_files_look() next.
 */
void db_files_committed(struct db_files *f, unsigned frames, unsigned changes);

/* As db_files_look(), and also compares the log with all committed frames. */
enum db_trouble db_files_verify(const struct db_files *f);

/* A checkpoint has written the whole log into the database. Keeps the memory of the copy for the
 * next log, unless idle. */
void db_files_checkpointed(struct db_files *f, bool idle);

/*
 * db_files_closed(): this process has closed every connection; after a trouble it made no
 * checkpoint. db_files_restore(): call it before the database is opened. If the trouble requires
 * it, puts the log back once no other process has the database open. 0, or -errno and the reason in
 * words. The log is `owed` until the database was opened with the log, or until the log turns out
 * to be beyond repair: then *lost is the number of changes that may be lost with the log.
 */
void db_files_closed(struct db_files *f, enum db_trouble trouble);
int db_files_restore(struct db_files *f, uint64_t *lost, char *reason, size_t size);

/* True if a file at PATH or beside it cannot belong to a database; reason says why. */
bool db_files_are_odd(const char *path, char *reason, size_t size);

#endif
