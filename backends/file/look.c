/* The look of a file from outside. See file/look.h. */
#include "file/look.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/time_source.h"

enum {
	YOUNG_MS = 50, /* several ticks of any kernel's clock of files */
	SKEW_MS = 60000,
};

static struct file_look look_of(const struct stat *st)
{
	return (struct file_look){ .mtime = st->st_mtim,
				   .size = (uint64_t)st->st_size,
				   .ino = st->st_ino };
}

int file_look_at(int fd, struct file_look *look)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	*look = look_of(&st);
	return 0;
}

int file_look_of(int dir_fd, const char *name, struct file_look *look)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*look = look_of(&st);
	return 0;
}

bool file_looks_same(const struct file_look *a, const struct file_look *b)
{
	return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec &&
	       a->size == b->size && a->ino == b->ino;
}

bool file_is_young(const struct timespec *mtime)
{
	struct timespec now = time_now();
	int64_t age_ms = (int64_t)(now.tv_sec - mtime->tv_sec) * 1000 +
			 (now.tv_nsec - mtime->tv_nsec) / 1000000;

	return age_ms < YOUNG_MS && age_ms > -SKEW_MS;
}
