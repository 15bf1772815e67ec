/* Files of large values beside the database. See kit/value_files.h. */
#include "kit/value_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/private_dir.h"

int value_files_init(struct value_files *v, const char *database_path)
{
	memset(v, 0, sizeof(*v));
	v->database = strdup(database_path);
	if (asprintf(&v->path, "%s" VALUE_FILES_SUFFIX, database_path) < 0)
		v->path = NULL;
	lock_init(&v->lock, RANK_LAYER_INNER);
	int rc = unsynced_init(&v->unsynced);
	return v->path && v->database ? rc : -ENOMEM;
}

void value_files_fini(struct value_files *v)
{
	unsynced_fini(&v->unsynced);
	lock_fini(&v->lock);
	free(v->path);
	free(v->database);
}

/* --- the directory ---------------------------------------------------------------------------- */

/* As the database is: whoever shares that shares its values. Without one: nobody else. */
static void look_at_database(const struct value_files *v, struct stat *like)
{
	if (stat(v->database, like) == 0)
		return;
	*like = (struct stat){ .st_mode = 0600, .st_uid = geteuid(), .st_gid = getegid() };
}

static int make_directory(const struct value_files *v, const struct stat *like)
{
	if (mkdir(v->path, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	int fd = open(v->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	private_dir_share(fd, like, private_dir_mode(like->st_mode));
	close(fd);
	return 0;
}

static int open_directory(const struct value_files *v, const struct stat *like)
{
	char reason[120];
	int fd = private_dir_open(v->path, like, reason, sizeof(reason));

	if (fd == -EPERM)
		log_error("%s %s: large values are neither read nor written: remove it, or give it "
			  "back to the owner of the database",
			  v->path, reason);
	return fd;
}

/* Each call opens it anew: it may be made, removed and replaced while we run. */
static int values_dir(const struct value_files *v)
{
	struct stat like;

	look_at_database(v, &like);
	return open_directory(v, &like);
}

int value_files_check(const struct value_files *v, char *reason, size_t size)
{
	struct stat like;

	look_at_database(v, &like);
	int fd = private_dir_open(v->path, &like, reason, size);
	if (fd >= 0)
		close(fd);
	return fd == -EPERM ? fd : 0;
}

DIR *value_files_list(struct value_files *v)
{
	int fd = values_dir(v);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

/* --- files ------------------------------------------------------------------------------------ */

int value_files_temp(struct value_files *v)
{
	struct stat like;

	look_at_database(v, &like);
	int dir = open_directory(v, &like);
	if (dir == -ENOENT) {
		dir = make_directory(v, &like);
		dir = dir < 0 ? dir : open_directory(v, &like);
	}
	if (dir < 0)
		return dir;
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int rc = fd < 0 ? -errno : fd;
	close(dir);
	return rc;
}

/* Whether the directory, which is made if need be, is on that device. */
static bool is_on_device(const struct value_files *v, dev_t device)
{
	struct stat like, directory;

	look_at_database(v, &like);
	if (lstat(v->path, &directory) < 0 &&
	    (errno != ENOENT || make_directory(v, &like) < 0 || lstat(v->path, &directory) < 0))
		return false;
	return directory.st_dev == device;
}

bool value_files_can_adopt(struct value_files *v, const struct value *value)
{
	struct stat file;
	uint64_t offset = 0;
	int fd = value_fd(value, &offset);

	return fd >= 0 && offset == 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode) &&
	       file.st_nlink <= (value_file_is_offered(value) ? 1u : 0u) &&
	       (uint64_t)file.st_size == value_size(value) && is_on_device(v, file.st_dev);
}

int value_files_copy(struct value_files *v, const struct value *value)
{
	int fd = value_files_temp(v);

	if (fd < 0)
		return fd;
	int rc = value_to_file(value, value_size(value), fd);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static int link_in(struct value_files *v, int dir, int fd, char name[VALUE_FILE_NAME])
{
	char from[40];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	for (int attempt = 0; attempt < 8; attempt++) {
		uint64_t number;
		if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
			return -EIO;
		snprintf(name, VALUE_FILE_NAME, "%016llx", (unsigned long long)number);
		if (linkat(AT_FDCWD, from, dir, name, AT_SYMLINK_FOLLOW) == 0) {
			unsynced_note(&v->unsynced, name);
			return 0;
		}
		if (errno != EEXIST)
			return errno == ENOSPC || errno == EDQUOT ? -ENOSPC : -EXDEV;
	}
	return -EIO;
}

int value_files_link(struct value_files *v, int fd, char name[VALUE_FILE_NAME])
{
	struct stat like;

	look_at_database(v, &like);
	int dir = open_directory(v, &like);
	if (dir < 0)
		return dir == -ENOENT ? -EXDEV : dir;
	private_dir_share(fd, &like, like.st_mode & 0666u);
	int rc = link_in(v, dir, fd, name);
	close(dir);
	return rc;
}

bool value_files_exists(struct value_files *v, const char *name)
{
	int dir = values_dir(v);
	bool exists = dir >= 0 && faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

	if (dir >= 0)
		close(dir);
	return exists;
}

void value_files_remove(struct value_files *v, const char *name)
{
	int dir = values_dir(v);

	if (dir < 0)
		return;
	unlinkat(dir, name, 0);
	close(dir);
}

static int open_in(int dir, const char *name, uint64_t size)
{
	struct stat st;

	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
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

int value_files_open(struct value_files *v, const char *name, uint64_t size)
{
	int dir = value_files_is_name(name) ? values_dir(v) : -ENOENT;

	if (dir < 0)
		return dir == -EPERM ? -EBADF : dir;
	int rc = open_in(dir, name, size);
	close(dir);
	return rc;
}

/* The database is another program's to write: a name in it may not lead out of the directory. */
bool value_files_is_name(const char *name)
{
	return strlen(name) == VALUE_FILE_NAME - 1 &&
	       strspn(name, "0123456789abcdef") == VALUE_FILE_NAME - 1;
}

/* --- verified files --------------------------------------------------------------------------- */

static struct verified_file as_it_is(const struct stat *st)
{
	return (struct verified_file){ st->st_ino, st->st_size, st->st_ctim };
}

bool value_files_is_verified(struct value_files *v, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	struct verified_file now = as_it_is(&st);
	lock_take(&v->lock);
	struct verified_file known = v->verified[now.inode % VALUE_FILES_VERIFIED];
	lock_release(&v->lock);
	return known.inode == now.inode && known.size == now.size &&
	       known.changed.tv_sec == now.changed.tv_sec &&
	       known.changed.tv_nsec == now.changed.tv_nsec;
}

void value_files_note_verified(struct value_files *v, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	lock_take(&v->lock);
	v->verified[st.st_ino % VALUE_FILES_VERIFIED] = as_it_is(&st);
	lock_release(&v->lock);
}

/* --- power loss ------------------------------------------------------------------------------- */

int value_files_sync(struct value_files *v, const struct time_source *time)
{
	return unsynced_sync(&v->unsynced, v->path, time);
}
