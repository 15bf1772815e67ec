#ifndef CACHEFS_DB_LOG_H
#define CACHEFS_DB_LOG_H

/*
 * The log of an SQLite database in WAL mode, as a file, and a copy of what was committed to it: its
 * bytes from the first on, until a new log is begun. The layouts of the log and of its index, which
 * SQLite has in shared memory, are a part of SQLite's file format. One thread at a time: who owns
 * the connection for writing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sqlite3.h>

enum { DB_COPY_MAX = 32 << 20 }; /* bytes of a log that are kept */

/* A file by what stays when its name is given to another. */
struct db_file {
	dev_t device;
	ino_t inode;
};
bool db_file_stat(const char *path, struct db_file *file, off_t *size);
bool db_file_is_at(const char *path, const struct db_file *file, off_t *size);

/* --- the index -------------------------------------------------------------------------------- */

enum { DB_INDEX_BYTES = 32 * 1024 }; /* of its first part */

/* The index as it is mapped for this connection; NULL: there is none. Others may be writing it. */
const volatile uint32_t *db_index_of(sqlite3 *handle);
uint32_t db_index_frames(const volatile uint32_t *index);   /* of the log */
size_t db_index_frame_size(const volatile uint32_t *index); /* 0: not known */

/* --- the log ---------------------------------------------------------------------------------- */

struct db_log {
	int fd; /* -1: not open */
	uint8_t *copy;
	size_t size, capacity;
};

/* Opens the log at the path, if it is that file. Without it nothing is copied. */
void db_log_open(struct db_log *l, const char *path, const struct db_file *file);
void db_log_close(struct db_log *l);
void db_log_drop_copy(struct db_log *l);

/* How many bytes a log of so many frames has. */
uint64_t db_log_bytes(const volatile uint32_t *index, uint32_t frames);

/*
 * Copies up to so many frames. *anew: it is a log that was begun since, and what was in the one
 * before is in the database. False: the log is not what was copied.
 */
bool db_log_copy(struct db_log *l, const volatile uint32_t *index, uint32_t frames, bool *anew);

/* What was put back is there, or others have begun a new log since. */
bool db_log_is_back(const struct db_log *l, const volatile uint32_t *index);

/* Whether it is the copy, as far as that goes, unless another log was begun. */
bool db_log_is_whole(const struct db_log *l);

/* What a file holds beside the copy, and with which bytes a log there begins. */
enum db_log_found { DB_LOG_NONE, DB_LOG_OTHER, DB_LOG_OURS, DB_LOG_SAME };
enum db_log_found db_log_compare(const struct db_log *l, int fd);

/* Writes the log to a file: from the one that is open, for it has what others committed too, if it
 * is what was copied, or else from the copy. 0 or -errno. Whether there is anything to be written.
 */
bool db_log_can_be_written(const struct db_log *l);
int db_log_write(const struct db_log *l, int to);

#endif
