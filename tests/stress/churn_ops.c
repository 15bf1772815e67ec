/* See churn.h: the operations, each with the errnos that a local file system could give for it. */

#include "churn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "record.h"

enum { STALE_PRINTED = 10, PATH_SIZE = 128, LARGE_MAX = 100000, LISTED_MAX = 500 };

static unsigned dice(struct churn *c, unsigned sides)
{
	return (unsigned)(random_next(&c->random) % sides);
}

/* --- names --------------------------------------------------------------------------------- */

static const char *const dir_names[] = { "d0", "d1", "d2" };
static const char *const file_names[] = { "a", "b", "c", "e", "t.tmp" };
static const char *const link_names[] = { "l0", "l1" };
#define PICK(c, names) (names)[dice(c, sizeof(names) / sizeof((names)[0]))]

/* The directory part: none, one or two levels, with its slash. */
static void random_dir(struct churn *c, char path[static PATH_SIZE])
{
	path[0] = '\0';
	for (unsigned n = dice(c, 3); n > 0; n--) {
		strcat(path, dice(c, 20) == 0 ? PICK(c, link_names) : PICK(c, dir_names));
		strcat(path, "/");
	}
}

/* A path whose last name mostly suits `names`, and sometimes another kind of file. */
#define RANDOM_PATH(c, path, names)                                                                \
	do {                                                                                       \
		random_dir(c, path);                                                               \
		strcat(path, dice(c, 12)  ? PICK(c, names)                                         \
			     : dice(c, 2) ? PICK(c, dir_names)                                     \
					  : PICK(c, file_names));                                  \
	} while (0)

/* --- verdicts ------------------------------------------------------------------------------ */

#define NO_ERRNO ((const int[]){ 0 })
#define ERRNOS(...) ((const int[]){ __VA_ARGS__, 0 })

static bool is_expected(const struct churn *c, int error, const int *allowed)
{
	for (; *allowed; allowed++)
		if (*allowed == error)
			return true;
	return c->strangers && (error == EACCES || error == EPERM);
}

/* Judges a call that returned rc; errno is kept. Whether it succeeded. */
static bool judge(struct churn *c, const char *call, const char *path, long rc, const int *allowed)
{
	int error = errno, op = c->shared->slots[c->self].op;

	if (rc >= 0)
		return true;
	if (atomic_load(&c->shared->going))
		_exit(0);
	if (op >= 0)
		atomic_fetch_add(&c->shared->failed[op], 1);
	if (error == ESTALE && atomic_fetch_add(&c->shared->stale, 1) < STALE_PRINTED)
		dprintf(STDERR_FILENO, "churn: stale: thread %d, %s: %s(%s)\n", (int)getpid(),
			op >= 0 ? churn_op_names()[op] : "-", call, path);
	else if (error == ESTALE)
		;
	else if (!is_expected(c, error, allowed))
		churn_violation(c, "%s(%s): %s", call, path, strerror(error));
	errno = error;
	return false;
}

/* What any path may meet. */
#define PATH_ERRNOS ENOENT, ENOTDIR, ELOOP

static int open_file(struct churn *c, const char *path, int flags)
{
	int fd = openat(c->dir_fd, path, flags | O_CLOEXEC, 0644 + (dice(c, 4) == 0 ? 022u : 0));

	if (flags & O_CREAT)
		judge(c, "open", path, fd, ERRNOS(PATH_ERRNOS, EISDIR, EEXIST));
	else
		judge(c, "open", path, fd, ERRNOS(PATH_ERRNOS, EISDIR));
	return fd;
}

static void close_file(struct churn *c, const char *path, int fd)
{
	judge(c, "close", path, close(fd), NO_ERRNO);
}

static size_t random_size(struct churn *c)
{
	return dice(c, 10) ? dice(c, 3000) : dice(c, LARGE_MAX);
}

static void write_some(struct churn *c, const char *path, int fd)
{
	size_t size = random_size(c);
	ssize_t n = write(fd, c->buffer, size);

	if (judge(c, "write", path, n, NO_ERRNO) && (size_t)n != size)
		churn_violation(c, "write(%s): %zd of %zu", path, n, size);
}

/* --- data ---------------------------------------------------------------------------------- */

static void op_set(struct churn *c)
{
	char path[PATH_SIZE];
	RANDOM_PATH(c, path, file_names);
	int flags = O_WRONLY | O_CREAT | (dice(c, 4) ? O_TRUNC : 0) | (dice(c, 8) ? 0 : O_EXCL);
	int fd = open_file(c, path, flags);

	if (fd < 0)
		return;
	for (unsigned n = dice(c, 4); n > 0; n--)
		write_some(c, path, fd);
	if (dice(c, 30) == 0)
		judge(c, "fsync", path, fsync(fd), NO_ERRNO);
	close_file(c, path, fd);
}

static void op_get(struct churn *c)
{
	char path[PATH_SIZE];
	RANDOM_PATH(c, path, file_names);
	int fd = openat(c->dir_fd, path, O_RDONLY | O_CLOEXEC | (dice(c, 8) ? 0 : O_NOFOLLOW));
	struct stat st;
	ssize_t n = 1;

	if (!judge(c, "open", path, fd, ERRNOS(PATH_ERRNOS)))
		return;
	judge(c, "fstat", path, fstat(fd, &st), NO_ERRNO);
	for (int i = 0; i < 20 && n > 0; i++) {
		n = read(fd, c->buffer, CHURN_BUFFER);
		if (S_ISDIR(st.st_mode))
			judge(c, "read", path, n, ERRNOS(EISDIR));
		else
			judge(c, "read", path, n, NO_ERRNO);
	}
	close_file(c, path, fd);
}

static void op_in_place(struct churn *c)
{
	char path[PATH_SIZE];
	RANDOM_PATH(c, path, file_names);
	int fd = open_file(c, path, O_RDWR | (dice(c, 2) ? O_CREAT : 0));

	if (fd < 0)
		return;
	off_t at = dice(c, 20000);
	judge(c, "pread", path, pread(fd, c->buffer, 5000, at), NO_ERRNO);
	judge(c, "pwrite", path, pwrite(fd, c->buffer, 1 + dice(c, 5000), at), NO_ERRNO);
	if (dice(c, 5) == 0)
		judge(c, "ftruncate", path, ftruncate(fd, dice(c, 20000)), NO_ERRNO);
	if (dice(c, 8) == 0)
		judge(c, "fallocate", path, fallocate(fd, 0, at, 4096), ERRNOS(EOPNOTSUPP));
	if (dice(c, 8) == 0)
		judge(c, "lseek", path, lseek(fd, 0, SEEK_DATA), ERRNOS(ENXIO));
	if (dice(c, 30) == 0)
		judge(c, "fdatasync", path, fdatasync(fd), NO_ERRNO);
	close_file(c, path, fd);
}

static void op_append(struct churn *c)
{
	char path[PATH_SIZE];
	RANDOM_PATH(c, path, file_names);
	int fd = open_file(c, path, O_WRONLY | O_APPEND | O_CREAT);
	struct stat st;

	if (fd < 0)
		return;
	if (judge(c, "fstat", path, fstat(fd, &st), NO_ERRNO) && st.st_size > 4 * LARGE_MAX)
		judge(c, "ftruncate", path, ftruncate(fd, 0), NO_ERRNO);
	write_some(c, path, fd);
	close_file(c, path, fd);
}

static void op_truncate(struct churn *c)
{
	char path[PATH_SIZE], full[PATH_SIZE + 32];
	RANDOM_PATH(c, path, file_names);

	snprintf(full, sizeof(full), "/proc/self/fd/%d/%s", c->dir_fd, path);
	judge(c, "truncate", path, truncate(full, dice(c, 30000)), ERRNOS(PATH_ERRNOS, EISDIR));
}

static sigjmp_buf mapping_jump;

static void on_sigbus(int number)
{
	(void)number;
	siglongjmp(mapping_jump, 1);
}

/* A mapping whose end somebody cuts off raises SIGBUS, on a local file system too. */
static void touch_mapping(char *map, size_t size, bool write)
{
	struct sigaction action = { .sa_handler = on_sigbus }, before;

	sigaction(SIGBUS, &action, &before);
	if (sigsetjmp(mapping_jump, 1) == 0) {
		if (write)
			memset(map, 'm', size);
		else
			(void)*(volatile char *)map;
	}
	sigaction(SIGBUS, &before, NULL);
}

static void op_mmap(struct churn *c)
{
	char path[PATH_SIZE];
	RANDOM_PATH(c, path, file_names);
	bool shared = dice(c, 2);
	int fd = open_file(c, path, shared ? O_RDWR | O_CREAT : O_RDONLY);
	size_t size = 1 + dice(c, 20000);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close_file(c, path, fd);
		return;
	}
	if (shared)
		judge(c, "ftruncate", path, ftruncate(fd, (off_t)size), NO_ERRNO);
	char *map = mmap(NULL, size, shared ? PROT_READ | PROT_WRITE : PROT_READ,
			 shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	if (dice(c, 2))
		close_file(c, path, fd), fd = -1;
	if (judge(c, "mmap", path, map == MAP_FAILED ? -1 : 0, NO_ERRNO)) {
		touch_mapping(map, size, shared);
		if (dice(c, 8) == 0)
			judge(c, "msync", path, msync(map, size, MS_SYNC), NO_ERRNO);
		munmap(map, size);
	}
	if (fd >= 0)
		close_file(c, path, fd);
}

static void op_copy_range(struct churn *c)
{
	char from[PATH_SIZE], to[PATH_SIZE];
	RANDOM_PATH(c, from, file_names);
	RANDOM_PATH(c, to, file_names);
	struct stat st;
	int in = open_file(c, from, O_RDONLY);

	if (in < 0)
		return;
	int out = fstat(in, &st) < 0 || !S_ISREG(st.st_mode)
			  ? -1
			  : open_file(c, to, O_WRONLY | O_CREAT | O_TRUNC);
	if (out >= 0) {
		/* EINVAL: one file, overlapping; EINTR: the kernel makes a splice of it. */
		judge(c, "copy_file_range", to, copy_file_range(in, NULL, out, NULL, 10000, 0),
		      ERRNOS(EINVAL, EINTR));
		close_file(c, to, out);
	}
	close_file(c, from, in);
}

/* --- files that stay open ------------------------------------------------------------------ */

static void op_hold(struct churn *c)
{
	static const int flags[] = { O_RDONLY, O_WRONLY | O_CREAT, O_RDWR | O_CREAT,
				     O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_APPEND };
	struct held *h = &c->held[dice(c, HELD_MAX)];
	char path[PATH_SIZE];
	RANDOM_PATH(c, path, file_names);

	if (h->fd >= 0)
		close_file(c, "held", h->fd);
	h->flags = PICK(c, flags);
	h->fd = open_file(c, path, h->flags);
}

static void op_use_held(struct churn *c)
{
	struct held *h = &c->held[dice(c, HELD_MAX)];
	int access = h->flags & O_ACCMODE;
	struct stat st;

	if (h->fd < 0 || !judge(c, "fstat", "held", fstat(h->fd, &st), NO_ERRNO) ||
	    !S_ISREG(st.st_mode))
		return;
	if (access != O_WRONLY)
		judge(c, "pread", "held", pread(h->fd, c->buffer, 4096, dice(c, 5000)), NO_ERRNO);
	if (access != O_RDONLY && dice(c, 2))
		judge(c, "pwrite", "held", pwrite(h->fd, c->buffer, 100, dice(c, 5000)), NO_ERRNO);
	if (access != O_RDONLY && dice(c, 6) == 0)
		judge(c, "ftruncate", "held", ftruncate(h->fd, dice(c, 5000)), NO_ERRNO);
	if (dice(c, 10) == 0)
		judge(c, "fchmod", "held", fchmod(h->fd, 0644), NO_ERRNO);
	if (dice(c, 10) == 0)
		judge(c, "futimens", "held", futimens(h->fd, NULL), NO_ERRNO);
}

static void op_unlinked(struct churn *c)
{
	char path[PATH_SIZE], back[6] = "";
	RANDOM_PATH(c, path, file_names);
	int fd = open_file(c, path, O_RDWR | O_CREAT | O_EXCL);

	if (fd < 0)
		return;
	judge(c, "unlink", path, unlinkat(c->dir_fd, path, 0), ERRNOS(PATH_ERRNOS, EISDIR));
	judge(c, "pwrite", path, pwrite(fd, "hello", 5, 0), NO_ERRNO);
	judge(c, "pread", path, pread(fd, back, 5, 0), NO_ERRNO);
	close_file(c, path, fd);
}

/* --- names --------------------------------------------------------------------------------- */

static void op_rename(struct churn *c)
{
	char from[PATH_SIZE], to[PATH_SIZE];
	unsigned flags = dice(c, 5) ? 0 : dice(c, 2) ? RENAME_NOREPLACE : RENAME_EXCHANGE;

	if (dice(c, 4)) {
		random_dir(c, from);
		random_dir(c, to);
		strcat(from, PICK(c, file_names));
		strcat(to, dice(c, 12) ? PICK(c, file_names) : PICK(c, dir_names));
	} else {
		/* Within one directory. Across, the kernel itself may say ESTALE to somebody who
		 * finds a directory at its new place while other renames hold its locks. */
		random_dir(c, from);
		strcpy(to, from);
		strcat(from, PICK(c, dir_names));
		strcat(to, PICK(c, dir_names));
	}
	snprintf(c->what, sizeof(c->what), "%s -> %s, flags %u", from, to, flags);
	judge(c, "rename", c->what, renameat2(c->dir_fd, from, c->dir_fd, to, flags),
	      ERRNOS(PATH_ERRNOS, EISDIR, EEXIST, ENOTEMPTY, EINVAL));
}

static void op_unlink(struct churn *c)
{
	char path[PATH_SIZE];
	RANDOM_PATH(c, path, file_names);

	judge(c, "unlink", path, unlinkat(c->dir_fd, path, 0), ERRNOS(PATH_ERRNOS, EISDIR));
}

static void op_rmdir(struct churn *c)
{
	char path[PATH_SIZE];
	RANDOM_PATH(c, path, dir_names);

	judge(c, "rmdir", path, unlinkat(c->dir_fd, path, AT_REMOVEDIR),
	      c->rmdir_prefix ? ERRNOS(PATH_ERRNOS) : ERRNOS(PATH_ERRNOS, ENOTEMPTY));
}

static void op_mkdir(struct churn *c)
{
	char path[PATH_SIZE];
	random_dir(c, path);
	strcat(path, PICK(c, dir_names));

	judge(c, "mkdir", path, mkdirat(c->dir_fd, path, 0777), ERRNOS(PATH_ERRNOS, EEXIST));
}

static void op_symlink(struct churn *c)
{
	static const char *const targets[] = { "a", "d0", "../b", "l0", "nowhere", "d1/c" };
	char path[PATH_SIZE], target[PATH_SIZE];
	random_dir(c, path);
	strcat(path, PICK(c, link_names));

	if (dice(c, 3) == 0)
		judge(c, "readlink", path, readlinkat(c->dir_fd, path, target, sizeof(target)),
		      ERRNOS(PATH_ERRNOS, EINVAL));
	else if (dice(c, 2))
		judge(c, "unlink", path, unlinkat(c->dir_fd, path, 0), ERRNOS(PATH_ERRNOS, EISDIR));
	else
		judge(c, "symlink", path, symlinkat(PICK(c, targets), c->dir_fd, path),
		      ERRNOS(PATH_ERRNOS, EEXIST));
}

/* --- metadata ------------------------------------------------------------------------------ */

static void op_xattr(struct churn *c)
{
	static const char *const ttls[] = { "1000", "0.05", "5000" };
	char path[PATH_SIZE], full[PATH_SIZE + 32], value[256];
	if (dice(c, 5))
		RANDOM_PATH(c, path, file_names);
	else
		RANDOM_PATH(c, path, dir_names);
	const char *name = dice(c, 2) ? "user.cachefs.ttl" : "user.mine";
	const char *set = name[5] == 'c' ? PICK(c, ttls) : "value";

	snprintf(full, sizeof(full), "/proc/self/fd/%d/%s", c->dir_fd, path);
	switch (dice(c, 4)) {
	case 0:
		judge(c, "getxattr", path, getxattr(full, name, value, sizeof(value)),
		      ERRNOS(PATH_ERRNOS, ENODATA));
		break;
	case 1:
		judge(c, "listxattr", path, listxattr(full, value, sizeof(value)),
		      ERRNOS(PATH_ERRNOS));
		break;
	case 2:
		judge(c, "removexattr", path, removexattr(full, name),
		      ERRNOS(PATH_ERRNOS, ENODATA));
		break;
	default:
		judge(c, "setxattr", path, setxattr(full, name, set, strlen(set), 0),
		      ERRNOS(PATH_ERRNOS));
	}
}

static void op_attributes(struct churn *c)
{
	static const mode_t modes[] = { 0644, 0666, 0600, 0755 };
	struct timespec times[2] = { { .tv_sec = dice(c, 1000000) }, { .tv_nsec = UTIME_NOW } };
	char path[PATH_SIZE];
	struct stat st;
	RANDOM_PATH(c, path, file_names);

	if (dice(c, 3) == 0)
		judge(c, "stat", path, fstatat(c->dir_fd, path, &st, 0), ERRNOS(PATH_ERRNOS));
	else if (dice(c, 2))
		judge(c, "utimensat", path, utimensat(c->dir_fd, path, times, 0),
		      ERRNOS(PATH_ERRNOS));
	else if (fstatat(c->dir_fd, path, &st, 0) == 0 && !S_ISDIR(st.st_mode))
		judge(c, "chmod", path, fchmodat(c->dir_fd, path, PICK(c, modes), 0),
		      ERRNOS(PATH_ERRNOS));
}

/* Lists a directory and looks at what it says; what vanishes meanwhile is fine. */
static void op_list(struct churn *c)
{
	char path[PATH_SIZE];
	random_dir(c, path);
	strcat(path, ".");
	int fd = openat(c->dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = judge(c, "open", path, fd, ERRNOS(PATH_ERRNOS)) ? fdopendir(fd) : NULL;
	struct dirent *entry;
	struct stat st;

	for (int n = 0; dir && (errno = 0, entry = readdir(dir)); n++) {
		judge(c, "lstat", entry->d_name,
		      fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW), ERRNOS(ENOENT));
		if (n == LISTED_MAX)
			churn_violation(c, "readdir(%s): %d names and no end", path, n);
	}
	if (dir) {
		/* ENOENT: the directory was removed, as local file systems say it */
		judge(c, "readdir", path, errno ? -1 : 0, ERRNOS(ENOENT));
		closedir(dir);
	}
}

static void op_statfs(struct churn *c)
{
	struct statvfs st;

	judge(c, "fstatvfs", ".", fstatvfs(c->dir_fd, &st), NO_ERRNO);
}

/* --- locks --------------------------------------------------------------------------------- */

static void op_flock(struct churn *c)
{
	char path[PATH_SIZE];
	RANDOM_PATH(c, path, file_names);
	int fd = open_file(c, path, O_RDWR | O_CREAT);

	if (fd < 0)
		return;
	int how = (dice(c, 2) ? LOCK_EX : LOCK_SH) | (dice(c, 2) ? LOCK_NB : 0);
	if (judge(c, "flock", path, flock(fd, how), ERRNOS(EWOULDBLOCK, EINTR)) && dice(c, 2)) {
		write_some(c, path, fd);
		judge(c, "flock", path, flock(fd, LOCK_UN), NO_ERRNO);
	}
	close_file(c, path, fd);
}

static void op_fcntl_lock(struct churn *c)
{
	struct flock lock = { .l_type = dice(c, 2) ? F_WRLCK : F_RDLCK,
			      .l_start = dice(c, 100),
			      .l_len = dice(c, 50) };
	char path[PATH_SIZE];
	RANDOM_PATH(c, path, file_names);
	int fd = open_file(c, path, O_RDWR | O_CREAT);

	if (fd < 0)
		return;
	judge(c, "fcntl", path, fcntl(fd, dice(c, 2) ? F_SETLK : F_SETLKW, &lock),
	      ERRNOS(EAGAIN, EINTR));
	if (dice(c, 3) == 0)
		judge(c, "fcntl", path, fcntl(fd, F_GETLK, &lock), NO_ERRNO);
	close_file(c, path, fd);
}

/* --- choice -------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(struct churn *c);
	unsigned weight;
} ops[] = {
	{ "set", op_set, 12 },
	{ "get", op_get, 12 },
	{ "in place", op_in_place, 6 },
	{ "append", op_append, 6 },
	{ "truncate", op_truncate, 3 },
	{ "mmap", op_mmap, 5 },
	{ "copy range", op_copy_range, 2 },
	{ "hold", op_hold, 5 },
	{ "use held", op_use_held, 8 },
	{ "unlinked", op_unlinked, 2 },
	{ "rename", op_rename, 10 },
	{ "unlink", op_unlink, 6 },
	{ "rmdir", op_rmdir, 4 },
	{ "mkdir", op_mkdir, 8 },
	{ "symlink", op_symlink, 3 },
	{ "xattr", op_xattr, 5 },
	{ "attributes", op_attributes, 6 },
	{ "list", op_list, 5 },
	{ "statfs", op_statfs, 1 },
	{ "flock", op_flock, 4 },
	{ "fcntl lock", op_fcntl_lock, 4 },
};
enum { OP_COUNT = sizeof(ops) / sizeof(ops[0]) };
_Static_assert((int)OP_COUNT <= (int)CHURN_OPS_MAX, "room for the counters");

const char *const *churn_op_names(void)
{
	static const char *names[OP_COUNT + 1];

	for (size_t i = 0; i < OP_COUNT; i++)
		names[i] = ops[i].name;
	return names;
}

void churn_step(struct churn *c)
{
	struct churn_slot *slot = &c->shared->slots[c->self];
	unsigned sum = 0, at = 0;

	for (size_t i = 0; i < OP_COUNT; i++)
		sum += ops[i].weight;
	for (unsigned ticket = dice(c, sum); ticket >= ops[at].weight; at++)
		ticket -= ops[at].weight;
	atomic_store(&slot->started_ns, now_ns());
	atomic_store(&slot->op, (int)at);
	ops[at].run(c);
	atomic_fetch_add(&c->shared->done[at], 1);
	atomic_store(&slot->op, -1);
}
