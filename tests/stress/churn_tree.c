/* See churn.h: what is left must be whole. */
#include "churn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record.h"

/*
 * What a process did last may still be on its way when it has ended: an empty file is stored after
 * its last close, lifetimes end, the kernel is told of changes a moment later. What is wrong must
 * become right within this time.
 */
enum { SETTLE_SECONDS = 10, SETTLE_POLL_MS = 50 };

/* One listed name. */
struct listed {
	int dir_fd;
	const char *name;
	ino_t ino;
	unsigned char type;
	char wrong[300]; /* what does not fit */
};

static bool read_to_the_end(struct churn *c, struct listed *l, const struct stat *st)
{
	int fd = openat(l->dir_fd, l->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat opened = { 0 };
	off_t size = 0;
	ssize_t n = 0;

	while (fd >= 0 && (n = read(fd, c->buffer, CHURN_BUFFER)) > 0)
		size += n;
	bool fits = fd >= 0 && n == 0 && size == st->st_size;
	if (fd < 0 || n < 0) {
		snprintf(l->wrong, sizeof(l->wrong), "cannot be read: %s", strerror(errno));
	} else if (!fits) {
		fstat(fd, &opened);
		snprintf(l->wrong, sizeof(l->wrong),
			 "has %lld bytes, stat says %lld of inode %llu, fstat %lld of inode %llu",
			 (long long)size, (long long)st->st_size, (unsigned long long)st->st_ino,
			 (long long)opened.st_size, (unsigned long long)opened.st_ino);
	}
	if (fd >= 0)
		close(fd);
	return fits;
}

/* Whether the name is there, is what the listing says, and can be read to its end. */
static bool is_whole(struct churn *c, struct listed *l)
{
	char target[256];
	struct stat st;

	if (fstatat(l->dir_fd, l->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		snprintf(l->wrong, sizeof(l->wrong), "stat: %s", strerror(errno));
		return false;
	}
	if (l->ino != st.st_ino || (mode_t)DTTOIF(l->type) != (st.st_mode & S_IFMT)) {
		snprintf(l->wrong, sizeof(l->wrong),
			 "is listed as inode %llu type %u, is %llu mode %o",
			 (unsigned long long)l->ino, l->type, (unsigned long long)st.st_ino,
			 st.st_mode);
		return false;
	}
	if (S_ISREG(st.st_mode))
		return read_to_the_end(c, l, &st);
	if (S_ISDIR(st.st_mode) ||
	    readlinkat(l->dir_fd, l->name, target, sizeof(target)) == st.st_size)
		return true;
	snprintf(l->wrong, sizeof(l->wrong), "readlink is not as long as stat says");
	return false;
}

static DIR *open_directory(struct churn *c, int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir)
		churn_violation(c, "%s cannot be listed: %s", name, strerror(errno));
	return dir;
}

/* Whether the name is still listed; then l says as what. */
static bool list_again(struct churn *c, struct listed *l)
{
	DIR *dir = open_directory(c, l->dir_fd, ".");
	struct dirent *entry = NULL;

	while (dir && (entry = readdir(dir)) && strcmp(entry->d_name, l->name) != 0)
		;
	if (entry) {
		l->ino = entry->d_ino;
		l->type = entry->d_type;
	}
	bool listed = entry != NULL;
	if (dir)
		closedir(dir);
	return listed;
}

/* Whether it is there, as what l says then. */
static bool check_name(struct churn *c, struct listed *l)
{
	uint64_t end = now_ns() + SETTLE_SECONDS * UINT64_C(1000000000);

	while (!is_whole(c, l)) {
		if (now_ns() > end) {
			churn_violation(c, "%s %s", l->name, l->wrong);
			return true;
		}
		poll(NULL, 0, SETTLE_POLL_MS);
		if (!list_again(c, l))
			return false;
	}
	return true;
}

unsigned churn_check_tree(struct churn *c, int dir_fd, const char *name)
{
	DIR *dir = open_directory(c, dir_fd, name);
	struct dirent *entry;
	unsigned count = 0;

	while (dir && (entry = readdir(dir))) {
		struct listed l = { .dir_fd = dirfd(dir),
				    .name = entry->d_name,
				    .ino = entry->d_ino,
				    .type = entry->d_type };
		if (strcmp(l.name, ".") == 0 || strcmp(l.name, "..") == 0 || !check_name(c, &l))
			continue;
		count++;
		if (l.type == DT_DIR)
			count += churn_check_tree(c, l.dir_fd, l.name);
	}
	if (dir)
		closedir(dir);
	return count;
}
