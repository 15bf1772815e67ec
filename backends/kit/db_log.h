#ifndef CACHEFS_DB_LOG_H
#define CACHEFS_DB_LOG_H

/*
 * The log of an SQLite database in WAL mode, as a file, and a copy of the committed frames: the
 * bytes of the log from the first byte on, until SQLite begins a new log. The layouts of the log
 * and of its index (in shared memory) are part of SQLite's file format. One thread at a time calls
 * these functions: the owner of the writing connection.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sqlite3.h>

enum { DB_COPY_MAX = 32 << 20 }; /* the greatest copy of a log, in bytes */

/* The identity of a file, which stays when another file gets its name. */
struct db_file {
	dev_t device;
	ino_t inode;
};
bool db_file_stat(const char *path, struct db_file *file, off_t *size);
bool db_file_is_at(const char *path, const struct db_file *file, off_t *size);

/* --- the index -------------------------------------------------------------------------------- */

enum { DB_INDEX_BYTES = 32 * 1024 }; /* of the index's first part */

/* The mapped index of this connection; NULL: there is no index. Other processes may write it at any
 * time. */
const volatile uint32_t *db_index_of(sqlite3 *handle);
uint32_t db_index_frames(const volatile uint32_t *index);   /* of the log */
size_t db_index_frame_size(const volatile uint32_t *index); /* 0: not known */

/* --- the log ---------------------------------------------------------------------------------- */

struct db_log {
	int fd; /* -1: not open */
	uint8_t *copy;
	size_t size, capacity;
};

/* Opens the log at the path, if it is that file. Without an open log nothing is copied. */
void db_log_open(struct db_log *l, const char *path, const struct db_file *file);
void db_log_close(struct db_log *l);
void db_log_drop_copy(struct db_log *l);

/* The size in bytes of a log with so many frames. */
uint64_t db_log_bytes(const volatile uint32_t *index, uint32_t frames);

/* Copies the log up to so many frames. *anew: SQLite has begun a new log, and the database has the
 * content of the old one. False: the log no longer has the bytes that were copied. */
bool db_log_copy(struct db_log *l, const volatile uint32_t *index, uint32_t frames, bool *anew);

/* True if the log that was put back is there, or another program has begun a new log since. */
bool db_log_is_back(const struct db_log *l, const volatile uint32_t *index);

/* True if the log begins with the bytes of the copy, or if a new log was begun. */
bool db_log_is_whole(const struct db_log *l);

/*
 * Compares a file with the copy. DB_LOG_NONE: the file is no log. DB_LOG_OTHER: it begins another
 * log, or there is no copy. DB_LOG_OURS: it begins the same log, but differs. DB_LOG_SAME: it has
 * all bytes of the copy.
 */
enum db_log_found { DB_LOG_NONE, DB_LOG_OTHER, DB_LOG_OURS, DB_LOG_SAME };
enum db_log_found db_log_compare(const struct db_log *l, int fd);

/*
 * db_log_can_be_written(): true if there is a log to write. db_log_write(): writes the log to a
 * file, and syncs it. The source is the open log, if it has the bytes of the copy (the log also has
 * commits of other programs); otherwise the copy. 0 or -errno.
 */
bool db_log_can_be_written(const struct db_log *l);
int db_log_write(const struct db_log *l, int to);

#endif
