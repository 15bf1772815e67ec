/* Sets. See disk/set.h. */
#include "disk/set.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "disk/amounts.h"
#include "disk/store.h"
#include "base/waiting.h"

enum { FREE_TRIES = 8 }; /* another program may take what was freed */

/* Puts the value into the job as heap bytes. *loaded: what to free, if it lay in a file. */
static int job_inline(struct disk_job *job, struct value *value, void **loaded)
{
	job->bytes = value_bytes(value);
	if (job->bytes || job->size == 0)
		return 0;
	waiting_begin();
	char *bytes = *loaded = malloc((size_t)job->size);
	if (!bytes)
		return -ENOMEM;
	job->bytes = bytes;
	for (uint64_t done = 0; done < job->size;) {
		ssize_t n = value_read(value, bytes + done, (size_t)(job->size - done), done);
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		done += (uint64_t)n;
	}
	return 0;
}

/* Evicts until the file system has so many bytes, for the key's new value. 0 or -errno. */
int disk_free_space(void *state, struct key key, uint64_t bytes)
{
	struct disk_job job = { .kind = DISK_JOB_FREE, .key = key, .size = bytes, .fd = -1 };

	return disk_writer_submit(state, &job);
}

/* A copy of the value in an unnamed file: an fd or -errno. */
static int copy_to_file(struct disk *d, struct key key, struct value *value)
{
	int fd, tries = 0;

	do
		fd = value_files_copy(&d->values, value);
	while (fd == -ENOSPC && ++tries < FREE_TRIES &&
	       disk_free_space(d, key, value_size(value)) == 0);
	return fd;
}

/* Stores the value in a file of its own; the job borrows *copy, an fd to be closed. */
static int set_in_file(struct disk *d, struct disk_job *job, struct value *value, int *copy)
{
	uint64_t offset;

	waiting_begin();
	if (value_files_can_adopt(&d->values, value)) {
		job->fd = value_fd(value, &offset);
		int rc = disk_writer_submit(d, job);
		if (rc == 0) /* its checksum was taken from these bytes */
			value_files_note_verified(&d->values, job->fd);
		if (rc != -EXDEV)
			return rc;
	}
	*copy = copy_to_file(d, job->key, value);
	if (*copy < 0)
		return *copy;
	job->fd = *copy;
	int rc = disk_writer_submit(d, job);
	return rc == -EXDEV ? -EIO : rc;
}

static int set_inline(struct disk *d, struct disk_job *job, struct value *value)
{
	void *loaded = NULL;

	job->fd = -1;
	int rc = job_inline(job, value, &loaded);
	if (rc == 0)
		rc = disk_writer_submit(d, job);
	free(loaded);
	return rc;
}

int disk_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	struct disk *d = state;
	struct disk_job job = { .kind = DISK_JOB_SET, .key = key, .meta = meta, .fd = -1 };
	int copy = -1;

	job.size = value_size(value);
	if (!atomic_load(&d->up))
		return -EHOSTDOWN;
	if (d->conf->size_limit > 0 && job.size > d->conf->size_limit)
		return -EFBIG;
	if (job.size <= atomic_load(&d->inline_limit))
		return set_inline(d, &job, value);
	int rc = set_in_file(d, &job, value, &copy);
	if (copy >= 0)
		close(copy);
	/* No O_TMPFILE on this file system; no room for a file. */
	if (copy == -EOPNOTSUPP || copy == -EISDIR || rc == -EOPNOTSUPP)
		return set_inline(d, &job, value);
	return rc;
}

int disk_foresee(void *state, struct key key, uint64_t size)
{
	struct disk *d = state;

	(void)key;
	if (!atomic_load(&d->up))
		return -EHOSTDOWN;
	if (d->conf->size_limit > 0 && size > d->conf->size_limit)
		return -EFBIG;
	if (size <= d->conf->inline_limit) /* so small that looking would cost more than it saves */
		return 0;
	if (size > disk_file_system_size(d))
		return -EFBIG;
	return size > disk_file_system_free(d) + atomic_load(&d->used_bytes) ? -ENOSPC : 0;
}

int disk_temp_file(void *state)
{
	struct disk *d = state;

	return value_files_temp(&d->values);
}

/* Files first: a row on disk must not point to bytes that are not. */
int disk_sync(void *state)
{
	struct disk *d = state;

	waiting_begin();
	int rc = value_files_sync(&d->values, d->env->time);
	struct disk_job job = { .kind = DISK_JOB_SYNC, .fd = -1 };
	return rc < 0 ? rc : disk_writer_submit(d, &job);
}
