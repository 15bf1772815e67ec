/* The changed names of a directory, and their sync. See unsynced.h. */
#include "kit/unsynced.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SYNC_WAIT_MS = 60000 };

static void free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

int unsynced_init(struct unsynced *u)
{
	*u = (struct unsynced){ .names = calloc(UNSYNCED_MAX, sizeof(char *)) };
	lock_init(&u->lock, RANK_LAYER_INNER);
	condition_init(&u->synced);
	return u->names ? 0 : -ENOMEM;
}

void unsynced_fini(struct unsynced *u)
{
	pthread_cond_destroy(&u->synced);
	lock_fini(&u->lock);
	free_names(u->names, u->count);
}

void unsynced_note(struct unsynced *u, const char *name)
{
	char *copy = strdup(name);

	lock_take(&u->lock);
	assert(u->count <= UNSYNCED_MAX);
	if (copy && u->count < UNSYNCED_MAX) {
		u->names[u->count++] = copy;
		copy = NULL;
	} else {
		u->overflow = true;
	}
	lock_release(&u->lock);
	free(copy);
}

/* --- syncing ---------------------------------------------------------------------------------- */

static int sync_at(int dir_fd, const char *name, int flags)
{
	int fd = openat(dir_fd, name, flags | O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		/* Replaced, or removed; not ours to open is not made by us, nor is a socket. */
		return errno == ENOENT || errno == ELOOP || errno == EACCES || errno == ENXIO
			       ? 0
			       : -errno;
	int rc = fsync(fd) < 0 && errno != EINVAL ? -errno : 0; /* EINVAL: a pipe */
	close(fd);
	return rc;
}

static int sync_names(int dir_fd, char **names, size_t count)
{
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = sync_at(dir_fd, names[i], 0);
	if (rc == 0)
		rc = fsync(dir_fd) < 0 ? -errno : 0;
	if (rc == 0)
		rc = sync_at(dir_fd, "..", O_DIRECTORY);
	return rc;
}

static int sync_directory(const char *directory, char **names, size_t count, bool all)
{
	if (count == 0 && !all)
		return 0;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int rc = all ? (syncfs(fd) < 0 ? -errno : 0) : sync_names(fd, names, count);
	close(fd);
	return rc;
}

/* The next one must not return before the files taken by this one are safe. */
static bool sync_enter(struct unsynced *u, const struct time_source *time)
{
	struct deadline deadline = deadline_in(time, SYNC_WAIT_MS);

	lock_take(&u->lock);
	while (u->syncing)
		if (!condition_wait_until(&u->synced, &u->lock, &deadline))
			break;
	bool entered = !u->syncing;
	u->syncing = true;
	lock_release(&u->lock);
	return entered;
}

int unsynced_sync(struct unsynced *u, const char *directory, const struct time_source *time)
{
	char **spare = calloc(UNSYNCED_MAX, sizeof(*spare));

	if (!spare)
		return -ENOMEM;
	if (!sync_enter(u, time)) {
		free(spare);
		return -ETIMEDOUT;
	}
	lock_take(&u->lock);
	char **names = u->names;
	size_t count = u->count;
	bool all = u->overflow;
	u->names = spare;
	u->count = 0;
	u->overflow = false;
	lock_release(&u->lock);

	int rc = sync_directory(directory, names, count, all);
	free_names(names, count);

	lock_take(&u->lock);
	if (rc < 0)
		u->overflow = true; /* not safe yet: the next one syncs everything */
	assert(u->syncing);
	u->syncing = false;
	pthread_cond_broadcast(&u->synced);
	lock_release(&u->lock);
	return rc;
}
