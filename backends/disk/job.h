#ifndef CACHEFS_DISK_JOB_H
#define CACHEFS_DISK_JOB_H

/*
 * A change of the database that a caller asks for. It lies on its caller's stack until it is done;
 * keys, meta and bytes are borrowed from the caller. One that takes more than a short transaction
 * is done by steps: each leaves `more` set, is committed by itself, and others go before the next.
 *
 * A job belongs to its caller until disk_writer_submit(), then to the queue (under its lock), and
 * while it is taken to who owns the connection for writing.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/meta.h"
#include "kit/value_files.h"

enum disk_job_kind {
	DISK_JOB_SET,
	DISK_JOB_FREE, /* `size` bytes of the file system, whatever but `key` has to go for it */
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

/* How far a job of several steps has come: as of the last transaction that was committed. */
struct disk_progress {
	bool found, begun;
	int64_t position; /* the row to go on from; or the number of a rename */
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
	int failure; /* of a rename that goes back: what it returns then */
	/* the writer's: */
	struct disk_progress before; /* the transaction under way */
	int64_t locked_ms;           /* the writer's, when it came */
	uint64_t log_bytes;          /* what it adds to the log */
	/* the queue's: */
	struct disk_job *next;
	pthread_cond_t finished;
	bool done;
};

/* Whether it takes space, or only gives some back. */
static inline bool disk_job_adds(const struct disk_job *job)
{
	return job->kind != DISK_JOB_FREE && job->kind != DISK_JOB_REMOVE &&
	       job->kind != DISK_JOB_REMOVE_PREFIX && job->kind != DISK_JOB_REMOVE_UNREACHABLE &&
	       job->kind != DISK_JOB_DIR_REMOVE;
}

/* Whether it goes by steps of many rows. */
static inline bool disk_job_is_long(const struct disk_job *job)
{
	return job->kind == DISK_JOB_REMOVE_PREFIX || job->kind == DISK_JOB_REMOVE_UNREACHABLE ||
	       job->kind == DISK_JOB_RENAME_BELOW;
}

/* The bytes of a value that it puts into a row. */
static inline uint64_t disk_job_row_bytes(const struct disk_job *job)
{
	return job->kind == DISK_JOB_SET && job->fd < 0 ? job->size : 0;
}

#endif
