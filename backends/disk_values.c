/* Files of large values beside the database. See disk_values.h. */
#include "disk_values.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "time_source.h"

enum {
	UNSYNCED_MAX = 1024,
	SYNC_WAIT_MS = 60000,
};

int disk_values_init(struct disk_values *v, const char *database_path)
{
	memset(v, 0, sizeof(*v));
	if (asprintf(&v->path, "%s.values", database_path) < 0)
		v->path = NULL;
	v->unsynced = calloc(UNSYNCED_MAX, sizeof(*v->unsynced));
	lock_init(&v->lock, RANK_LAYER_INNER);
	condition_init(&v->synced);
	return v->path && v->unsynced ? 0 : -ENOMEM;
}

void disk_values_fini(struct disk_values *v)
{
	pthread_cond_destroy(&v->synced);
	lock_fini(&v->lock);
	free(v->unsynced);
	free(v->path);
}

static int file_path(const struct disk_values *v, const char *name, char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s/%s", v->path, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int disk_values_temp(struct disk_values *v)
{
	int fd = open(v->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || errno != ENOENT)
		return fd >= 0 ? fd : -errno;
	if (mkdir(v->path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(v->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : -errno;
}

/* Whether the directory, which is made if need be, is on that device. */
static bool is_on_device(const struct disk_values *v, dev_t device)
{
	struct stat directory;

	if (stat(v->path, &directory) < 0 &&
	    (errno != ENOENT || (mkdir(v->path, 0700) < 0 && errno != EEXIST) ||
	     stat(v->path, &directory) < 0))
		return false;
	return directory.st_dev == device;
}

bool disk_values_can_adopt(struct disk_values *v, const struct value *value)
{
	struct stat file;
	uint64_t offset = 0;
	int fd = value_fd(value, &offset);

	return fd >= 0 && offset == 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode) &&
	       file.st_nlink <= (value_file_is_offered(value) ? 1u : 0u) &&
	       (uint64_t)file.st_size == value_size(value) && is_on_device(v, file.st_dev);
}

int disk_values_copy(struct disk_values *v, const struct value *value)
{
	int fd = disk_values_temp(v);

	if (fd < 0)
		return fd;
	int rc = value_to_file(value, value_size(value), fd);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static void note_unsynced(struct disk_values *v, const char *name)
{
	lock_take(&v->lock);
	if (v->unsynced_count < UNSYNCED_MAX)
		memcpy(v->unsynced[v->unsynced_count++], name, DISK_FILE_NAME);
	else
		v->overflow = true;
	lock_release(&v->lock);
}

int disk_values_link(struct disk_values *v, int fd, char name[DISK_FILE_NAME])
{
	char from[40], to[PATH_MAX];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	for (int attempt = 0; attempt < 8; attempt++) {
		uint64_t number;
		if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
			return -EIO;
		snprintf(name, DISK_FILE_NAME, "%016llx", (unsigned long long)number);
		int rc = file_path(v, name, to);
		if (rc < 0)
			return rc;
		if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0) {
			note_unsynced(v, name);
			return 0;
		}
		if (errno != EEXIST)
			return errno == ENOSPC || errno == EDQUOT ? -ENOSPC : -EXDEV;
	}
	return -EIO;
}

bool disk_values_exists(struct disk_values *v, const char *name)
{
	char path[PATH_MAX];

	return file_path(v, name, path) == 0 && access(path, F_OK) == 0;
}

void disk_values_remove(struct disk_values *v, const char *name)
{
	char path[PATH_MAX];

	if (file_path(v, name, path) == 0)
		unlink(path);
}

int disk_values_open(struct disk_values *v, const char *name, uint64_t size)
{
	char path[PATH_MAX];
	struct stat st;

	if (!disk_values_is_name(name) || file_path(v, name, path) < 0)
		return -ENOENT;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size)
		return fd;
	close(fd);
	return -ENOENT;
}

/* The database is another program's to write: a name in it may not lead out of the directory. */
bool disk_values_is_name(const char *name)
{
	return strlen(name) == DISK_FILE_NAME - 1 &&
	       strspn(name, "0123456789abcdef") == DISK_FILE_NAME - 1;
}

/* --- verified files --------------------------------------------------------------------------- */

static struct disk_verified as_it_is(const struct stat *st)
{
	return (struct disk_verified){ st->st_ino, st->st_size, st->st_ctim };
}

bool disk_values_is_verified(struct disk_values *v, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	struct disk_verified now = as_it_is(&st);
	lock_take(&v->lock);
	struct disk_verified known = v->verified[now.inode % DISK_VERIFIED];
	lock_release(&v->lock);
	return known.inode == now.inode && known.size == now.size &&
	       known.changed.tv_sec == now.changed.tv_sec &&
	       known.changed.tv_nsec == now.changed.tv_nsec;
}

void disk_values_note_verified(struct disk_values *v, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	lock_take(&v->lock);
	v->verified[st.st_ino % DISK_VERIFIED] = as_it_is(&st);
	lock_release(&v->lock);
}

/* --- power loss ------------------------------------------------------------------------------- */

static int sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* replaced or evicted meanwhile */
	int rc = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static int sync_parent(const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	char *slash = strrchr(copy, '/');
	if (slash)
		slash[slash == copy ? 1 : 0] = '\0';
	int rc = sync_path(slash ? copy : ".", O_DIRECTORY);
	free(copy);
	return rc;
}

static int sync_all(const struct disk_values *v)
{
	int fd = open(v->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int rc = syncfs(fd) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static int sync_names(const struct disk_values *v, char (*names)[DISK_FILE_NAME], size_t count)
{
	char path[PATH_MAX];
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		rc = file_path(v, names[i], path);
		if (rc == 0)
			rc = sync_path(path, 0);
	}
	if (rc == 0 && count > 0)
		rc = sync_path(v->path, O_DIRECTORY);
	return rc == 0 && count > 0 ? sync_parent(v->path) : rc;
}

/* One sync at a time: the next one must not return before the files taken by this one are safe. */
static bool sync_enter(struct disk_values *v)
{
	struct timespec deadline = time_deadline(SYNC_WAIT_MS);

	lock_take(&v->lock);
	while (v->syncing)
		if (!condition_wait_until(&v->synced, &v->lock, &deadline))
			break;
	bool entered = !v->syncing;
	v->syncing = true;
	lock_release(&v->lock);
	return entered;
}

int disk_values_sync(struct disk_values *v)
{
	char(*spare)[DISK_FILE_NAME] = calloc(UNSYNCED_MAX, sizeof(*spare));

	if (!spare)
		return -ENOMEM;
	if (!sync_enter(v)) {
		free(spare);
		return -ETIMEDOUT;
	}
	lock_take(&v->lock);
	char(*names)[DISK_FILE_NAME] = v->unsynced;
	size_t count = v->unsynced_count;
	bool all = v->overflow;
	v->unsynced = spare;
	v->unsynced_count = 0;
	v->overflow = false;
	lock_release(&v->lock);

	int rc = all ? sync_all(v) : sync_names(v, names, count);
	free(names);

	lock_take(&v->lock);
	if (rc < 0)
		v->overflow = true; /* not safe yet: the next one syncs everything */
	v->syncing = false;
	pthread_cond_broadcast(&v->synced);
	lock_release(&v->lock);
	return rc;
}
