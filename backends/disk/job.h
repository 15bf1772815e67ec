#ifndef CACHEFS_DISK_JOB_H
#define CACHEFS_DISK_JOB_H

/*
 * A change of the database that a caller asks for. A job lies on its caller's stack until it is
 * done, and borrows keys, meta and bytes from the caller. A change that is too long for one short
 * transaction runs in steps. A step that is not the last sets `more`; each step has its own
 * transaction, and other jobs run before the next step.
 *
 * A job belongs to its caller until disk_writer_submit(), then to the queue (under its lock), and,
 * once it is taken, to the owner of the connection for writing.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/meta.h"
#include "kit/value_files.h"

enum disk_job_kind {
	DISK_JOB_SET,
	DISK_JOB_FREE, /* makes `size` bytes free in the file system; may evict all but `key` */
	DISK_JOB_TOUCH,
	DISK_JOB_REMOVE,
	DISK_JOB_REMOVE_PREFIX,
	DISK_JOB_REMOVE_UNREACHABLE,
	DISK_JOB_RENAME,
	DISK_JOB_RENAME_BELOW,
	DISK_JOB_DIR_SET,
	DISK_JOB_DIR_REMOVE,
	DISK_JOB_SYNC,
};

/* The progress of a job of several steps, as of the last committed transaction. */
struct disk_progress {
	bool found, begun;
	int64_t position; /* the row to continue from; or the number of a rename */
};

struct disk_job {
	enum disk_job_kind kind;
	struct key key, to;
	const struct meta *meta;
	unsigned fields;
	const void *bytes; /* the value, unless fd >= 0 */
	uint64_t size;
	int fd;                     /* an unnamed file that is the value, or -1 */
	char file[VALUE_FILE_NAME]; /* its name once it has one */
	int rc;
	bool more;
	struct disk_progress progress;
	int failure; /* the error of a rename whose steps are being undone */
	/* the writer's: */
	struct disk_progress before; /* the progress before the current transaction */
	int64_t locked_ms;           /* locked_ms of the writer at the start of the wait */
	uint64_t log_bytes;          /* bytes that the job may add to the log */
	/* the queue's: */
	struct disk_job *next;
	pthread_cond_t finished;
	bool done;
};

/* True if the job needs space. False if it only frees space. */
static inline bool disk_job_adds(const struct disk_job *job)
{
	return job->kind != DISK_JOB_FREE && job->kind != DISK_JOB_REMOVE &&
	       job->kind != DISK_JOB_REMOVE_PREFIX && job->kind != DISK_JOB_REMOVE_UNREACHABLE &&
	       job->kind != DISK_JOB_DIR_REMOVE;
}

/* True if the job runs in steps of many rows. */
static inline bool disk_job_is_long(const struct disk_job *job)
{
	return job->kind == DISK_JOB_REMOVE_PREFIX || job->kind == DISK_JOB_REMOVE_UNREACHABLE ||
	       job->kind == DISK_JOB_RENAME_BELOW;
}

/* Returns the bytes of the value that the job puts into a row; 0: none. */
static inline uint64_t disk_job_row_bytes(const struct disk_job *job)
{
	return job->kind == DISK_JOB_SET && job->fd < 0 ? job->size : 0;
}

#endif
