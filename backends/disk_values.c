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

int disk_values_init(struct disk_values *v, const char *database_path)
{
	memset(v, 0, sizeof(*v));
	if (asprintf(&v->path, "%s" DISK_VALUES_SUFFIX, database_path) < 0)
		v->path = NULL;
	lock_init(&v->lock, RANK_LAYER_INNER);
	int rc = unsynced_init(&v->unsynced);
	return v->path ? rc : -ENOMEM;
}

void disk_values_fini(struct disk_values *v)
{
	unsynced_fini(&v->unsynced);
	lock_fini(&v->lock);
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
			unsynced_note(&v->unsynced, name);
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
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) /* ELOOP: a symbolic link, ENXIO: a socket, or a device without a driver */
		return errno == ELOOP || errno == ENXIO ? -EBADF : -errno;
	int rc = fstat(fd, &st) < 0             ? -errno
		 : !S_ISREG(st.st_mode)         ? -EBADF
		 : (uint64_t)st.st_size != size ? -ENOENT
						: 0;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
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

int disk_values_sync(struct disk_values *v)
{
	return unsynced_sync(&v->unsynced, v->path);
}
