/* Checks and shares the directories and files of the daemon. See private_dir.h. */
#include "base/private_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static bool is_trusted_owner(uid_t uid, const struct stat *like)
{
	return uid == geteuid() || (like && uid == like->st_uid);
}

static int distrust(const struct stat *st, const struct stat *like, char *reason, size_t size)
{
	mode_t writers = st->st_mode & 0022u;

	if (!is_trusted_owner(st->st_uid, like)) {
		snprintf(reason, size, "belongs to another user (uid %lu)",
			 (unsigned long)st->st_uid);
		return -EPERM;
	}
	if (writers & ~(like ? like->st_mode : 0)) {
		snprintf(reason, size, "can be written by others (mode %04o)",
			 (unsigned)st->st_mode & 07777u);
		return -EPERM;
	}
	return 0;
}

static int why_not_opened(const char *path, int error, char *reason, size_t size)
{
	struct stat st;

	if ((error != ENOTDIR && error != ELOOP) || lstat(path, &st) < 0)
		return -error;
	if (S_ISDIR(st.st_mode))
		return -error;
	snprintf(reason, size, "%s",
		 S_ISLNK(st.st_mode) ? "is a symbolic link" : "is not a directory");
	return -EPERM;
}

int private_dir_open(const char *path, const struct stat *like, char *reason, size_t size)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return why_not_opened(path, errno, reason, size);
	int rc = fstat(fd, &st) < 0 ? -errno : distrust(&st, like, reason, size);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int private_dir_check_file(int dir_fd, const char *name, char *reason, size_t size)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISREG(st.st_mode) && st.st_uid == geteuid())
		return 0;
	snprintf(reason, size, "has a file \"%s\" that %s", name,
		 S_ISREG(st.st_mode) ? "belongs to another user" : "is not a regular file");
	return -EPERM;
}

void private_dir_share(int fd, const struct stat *like, mode_t mode)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	bool moved = !like || (st.st_uid == like->st_uid && st.st_gid == like->st_gid) ||
		     fchown(fd, like->st_uid, like->st_gid) == 0 ||
		     fchown(fd, (uid_t)-1, like->st_gid) == 0;
	if (!moved) /* the group that we have may be another one */
		mode &= ~(mode_t)0070;
	if ((st.st_mode & 0777u) != mode && fchmod(fd, mode) < 0)
		return;
}
