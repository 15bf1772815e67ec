/*
 * sys: makes system calls, and prints what each returned: 0, a result, or the name of its errno.
 *
 *   sys [-u UID] [-g GID[,GID...]] [-m UMASK] CALL ARG... [: CALL ARG...]...
 *
 * One process makes all the calls of a line, so that one may use what another has opened: the
 * first open is descriptor 0 for the others. Exits with 0 if it understood the line.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { FDS = 16, RESULT_MAX = 1 << 16, ARGS_MAX = 16 };

static int fds[FDS], fd_count;
static char result[RESULT_MAX + 1]; /* printed instead of 0 when it is not empty */

static void usage(const char *what)
{
	fprintf(stderr, "sys: not understood: %s\n", what);
	exit(2);
}

static long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 0);

	if (end == text || *end)
		usage(text);
	return value;
}

struct word {
	const char *name;
	long value;
};

/* "O_CREAT,O_EXCL": their sum. */
static long words(const struct word *table, const char *text)
{
	char copy[256];
	long sum = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *name = strtok(copy, ","); name; name = strtok(NULL, ",")) {
		const struct word *w = table;

		while (w->name && strcmp(w->name, name) != 0)
			w++;
		if (!w->name)
			usage(name);
		sum |= w->value;
	}
	return sum;
}

static const struct word open_flags[] = {
	{ "O_RDONLY", O_RDONLY },     { "O_WRONLY", O_WRONLY },
	{ "O_RDWR", O_RDWR },         { "O_CREAT", O_CREAT },
	{ "O_EXCL", O_EXCL },         { "O_TRUNC", O_TRUNC },
	{ "O_APPEND", O_APPEND },     { "O_DIRECTORY", O_DIRECTORY },
	{ "O_NOFOLLOW", O_NOFOLLOW }, { "O_DIRECT", O_DIRECT },
	{ "O_TMPFILE", O_TMPFILE },   { "O_SYNC", O_SYNC },
	{ "O_NONBLOCK", O_NONBLOCK }, { NULL, 0 },
};

static const struct word rename_flags[] = {
	{ "NONE", 0 }, { "NOREPLACE", 1 }, { "EXCHANGE", 2 }, { "WHITEOUT", 4 }, { NULL, 0 },
};

static const struct word fallocate_flags[] = {
	{ "PLAIN", 0 },
	{ "KEEP_SIZE", FALLOC_FL_KEEP_SIZE },
	{ "PUNCH_HOLE", FALLOC_FL_PUNCH_HOLE },
	{ "ZERO_RANGE", FALLOC_FL_ZERO_RANGE },
	{ NULL, 0 },
};

static const struct word seek_kinds[] = {
	{ "SET", SEEK_SET },   { "END", SEEK_END }, { "DATA", SEEK_DATA },
	{ "HOLE", SEEK_HOLE }, { NULL, 0 },
};

/* NOW, OMIT, or seconds with an optional fraction. */
static struct timespec time_of(const char *text)
{
	struct timespec t = { 0, 0 };

	if (strcmp(text, "NOW") == 0) {
		t.tv_nsec = UTIME_NOW;
	} else if (strcmp(text, "OMIT") == 0) {
		t.tv_nsec = UTIME_OMIT;
	} else {
		char *end, digits[10] = "000000000";

		t.tv_sec = strtol(text, &end, 10);
		if (*end == '.') {
			size_t n = strlen(end + 1);

			memcpy(digits, end + 1, n < 9 ? n : 9);
			t.tv_nsec = strtol(digits, NULL, 10);
		}
	}
	return t;
}

/* -1, so EBADF, if that open failed. */
static int fd_of(const char *text)
{
	long i = number(text);

	return i >= 0 && i < fd_count ? fds[i] : -1;
}

static int take_fd(int fd)
{
	if (fd < 0)
		return -1;
	if (fd_count == FDS)
		usage("more descriptors");
	fds[fd_count++] = fd;
	return 0;
}

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "regular";
	case S_IFDIR:
		return "dir";
	case S_IFLNK:
		return "symlink";
	case S_IFIFO:
		return "fifo";
	default:
		return "other";
	}
}

static void print_field(char *to, size_t size, const char *field, const struct stat *st)
{
	const struct {
		const char *name;
		long long value;
	} numbers[] = {
		{ "uid", st->st_uid },
		{ "gid", st->st_gid },
		{ "size", st->st_size },
		{ "nlink", (long long)st->st_nlink },
		{ "ino", (long long)st->st_ino },
		{ "blocks", st->st_blocks },
		{ "atime", st->st_atime },
		{ "mtime", st->st_mtime },
		{ "ctime", st->st_ctime },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(numbers[i].name, field) == 0) {
			snprintf(to, size, "%lld", numbers[i].value);
			return;
		}
	}
	if (strcmp(field, "mode") == 0)
		snprintf(to, size, "0%o", (unsigned)(st->st_mode & 07777));
	else if (strcmp(field, "type") == 0)
		snprintf(to, size, "%s", type_name(st->st_mode));
	else if (strcmp(field, "mtime_ns") == 0)
		snprintf(to, size, "%lld.%09ld", (long long)st->st_mtim.tv_sec,
			 st->st_mtim.tv_nsec);
	else if (strcmp(field, "atime_ns") == 0)
		snprintf(to, size, "%lld.%09ld", (long long)st->st_atim.tv_sec,
			 st->st_atim.tv_nsec);
	else if (strcmp(field, "ctime_ns") == 0)
		snprintf(to, size, "%lld.%09ld", (long long)st->st_ctim.tv_sec,
			 st->st_ctim.tv_nsec);
	else
		usage(field);
}

/* "type,mode": their values with commas. */
static int print_stat(int rc, const char *fields, const struct stat *st)
{
	char copy[256];
	size_t used = 0;

	if (rc < 0)
		return rc;
	snprintf(copy, sizeof(copy), "%s", fields);
	for (char *field = strtok(copy, ","); field; field = strtok(NULL, ",")) {
		if (used > 0)
			result[used++] = ',';
		print_field(result + used, sizeof(result) - used, field, st);
		used += strlen(result + used);
	}
	return 0;
}

/* --- the calls: each has its arguments, and returns as a system call ------------------------- */

static int call_open(char **a)
{
	return take_fd(open(a[0], (int)words(open_flags, a[1]), a[2] ? (mode_t)number(a[2]) : 0));
}

static int call_close(char **a)
{
	return close(fd_of(a[0]));
}

static int call_unlink(char **a)
{
	return unlink(a[0]);
}

static int call_mkdir(char **a)
{
	return mkdir(a[0], (mode_t)number(a[1]));
}

static int call_rmdir(char **a)
{
	return rmdir(a[0]);
}

static int call_link(char **a)
{
	return link(a[0], a[1]);
}

static int call_symlink(char **a)
{
	return symlink(a[0], a[1]);
}

static int call_readlink(char **a)
{
	ssize_t n = readlink(a[0], result, RESULT_MAX);

	result[n < 0 ? 0 : n] = '\0';
	return n < 0 ? -1 : 0;
}

static int call_rename(char **a)
{
	return rename(a[0], a[1]);
}

static int call_rename2(char **a)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, a[1],
			    (unsigned)words(rename_flags, a[2]));
}

static int call_mkfifo(char **a)
{
	return mkfifo(a[0], (mode_t)number(a[1]));
}

static int call_mknod(char **a)
{
	mode_t type = a[1][0] == 'b' ? S_IFBLK : a[1][0] == 'c' ? S_IFCHR : S_IFREG;

	return mknod(a[0], type | (mode_t)number(a[2]), makedev(1, 3));
}

static int call_chmod(char **a)
{
	return chmod(a[0], (mode_t)number(a[1]));
}

static int call_fchmod(char **a)
{
	return fchmod(fd_of(a[0]), (mode_t)number(a[1]));
}

static int call_chown(char **a)
{
	return chown(a[0], (uid_t)number(a[1]), (gid_t)number(a[2]));
}

static int call_lchown(char **a)
{
	return lchown(a[0], (uid_t)number(a[1]), (gid_t)number(a[2]));
}

static int call_truncate(char **a)
{
	return truncate(a[0], number(a[1]));
}

static int call_ftruncate(char **a)
{
	return ftruncate(fd_of(a[0]), number(a[1]));
}

static int call_fallocate(char **a)
{
	return fallocate(fd_of(a[0]), (int)words(fallocate_flags, a[1]), number(a[2]),
			 number(a[3]));
}

static int call_utimens(char **a)
{
	struct timespec times[2] = { time_of(a[1]), time_of(a[2]) };

	return utimensat(AT_FDCWD, a[0], times, 0);
}

static int call_lutimens(char **a)
{
	struct timespec times[2] = { time_of(a[1]), time_of(a[2]) };

	return utimensat(AT_FDCWD, a[0], times, AT_SYMLINK_NOFOLLOW);
}

static int call_futimens(char **a)
{
	struct timespec times[2] = { time_of(a[1]), time_of(a[2]) };

	return futimens(fd_of(a[0]), times);
}

static int call_stat(char **a)
{
	struct stat st;

	return print_stat(stat(a[0], &st), a[1], &st);
}

static int call_lstat(char **a)
{
	struct stat st;

	return print_stat(lstat(a[0], &st), a[1], &st);
}

static int call_fstat(char **a)
{
	struct stat st;

	return print_stat(fstat(fd_of(a[0]), &st), a[1], &st);
}

static int call_access(char **a)
{
	return access(a[0], (int)number(a[1]));
}

static int call_read(char **a)
{
	ssize_t n = read(fd_of(a[0]), result, RESULT_MAX);

	result[n < 0 ? 0 : n] = '\0';
	return n < 0 ? -1 : 0;
}

static int call_pread(char **a)
{
	size_t size = (size_t)number(a[2]);
	ssize_t n = pread(fd_of(a[0]), result, size < RESULT_MAX ? size : RESULT_MAX, number(a[1]));

	for (ssize_t i = 0; i < n; i++)
		if (result[i] == '\0')
			result[i] = '.';
	result[n < 0 ? 0 : n] = '\0';
	return n < 0 ? -1 : 0;
}

static int call_write(char **a)
{
	return write(fd_of(a[0]), a[1], strlen(a[1])) < 0 ? -1 : 0;
}

static int call_pwrite(char **a)
{
	return pwrite(fd_of(a[0]), a[2], strlen(a[2]), number(a[1])) < 0 ? -1 : 0;
}

static int call_seek(char **a)
{
	off_t at = lseek(fd_of(a[0]), number(a[2]), (int)words(seek_kinds, a[1]));

	if (at >= 0)
		snprintf(result, sizeof(result), "%lld", (long long)at);
	return at < 0 ? -1 : 0;
}

static int call_copy(char **a)
{
	off_t from = number(a[1]), to = number(a[3]);
	ssize_t n = copy_file_range(fd_of(a[0]), &from, fd_of(a[2]), &to, (size_t)number(a[4]), 0);

	if (n >= 0)
		snprintf(result, sizeof(result), "%zd", n);
	return n < 0 ? -1 : 0;
}

static int call_fsync(char **a)
{
	return fsync(fd_of(a[0]));
}

static int call_mmap(char **a)
{
	size_t size = (size_t)number(a[1]);
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_of(a[0]), 0);

	if (map == MAP_FAILED)
		return -1;
	memcpy(map + number(a[2]), a[3], strlen(a[3]));
	int rc = msync(map, size, MS_SYNC);
	munmap(map, size);
	return rc;
}

static int call_setxattr(char **a)
{
	return setxattr(a[0], a[1], a[2], strlen(a[2]), 0);
}

static int call_getxattr(char **a)
{
	ssize_t n = getxattr(a[0], a[1], result, RESULT_MAX);

	result[n < 0 ? 0 : n] = '\0';
	return n < 0 ? -1 : 0;
}

static int call_removexattr(char **a)
{
	return removexattr(a[0], a[1]);
}

static int call_chdir(char **a)
{
	return chdir(a[0]);
}

static const struct call {
	const char *name;
	int (*run)(char **args);
	int least, most;
} calls[] = {
	{ "open", call_open, 2, 3 },
	{ "close", call_close, 1, 1 },
	{ "unlink", call_unlink, 1, 1 },
	{ "mkdir", call_mkdir, 2, 2 },
	{ "rmdir", call_rmdir, 1, 1 },
	{ "link", call_link, 2, 2 },
	{ "symlink", call_symlink, 2, 2 },
	{ "readlink", call_readlink, 1, 1 },
	{ "rename", call_rename, 2, 2 },
	{ "rename2", call_rename2, 3, 3 },
	{ "mkfifo", call_mkfifo, 2, 2 },
	{ "mknod", call_mknod, 3, 3 },
	{ "chmod", call_chmod, 2, 2 },
	{ "fchmod", call_fchmod, 2, 2 },
	{ "chown", call_chown, 3, 3 },
	{ "lchown", call_lchown, 3, 3 },
	{ "truncate", call_truncate, 2, 2 },
	{ "ftruncate", call_ftruncate, 2, 2 },
	{ "fallocate", call_fallocate, 4, 4 },
	{ "utimens", call_utimens, 3, 3 },
	{ "lutimens", call_lutimens, 3, 3 },
	{ "futimens", call_futimens, 3, 3 },
	{ "stat", call_stat, 2, 2 },
	{ "lstat", call_lstat, 2, 2 },
	{ "fstat", call_fstat, 2, 2 },
	{ "access", call_access, 2, 2 },
	{ "read", call_read, 1, 1 },
	{ "pread", call_pread, 3, 3 },
	{ "write", call_write, 2, 2 },
	{ "pwrite", call_pwrite, 3, 3 },
	{ "seek", call_seek, 3, 3 },
	{ "copy", call_copy, 5, 5 },
	{ "fsync", call_fsync, 1, 1 },
	{ "mmap", call_mmap, 4, 4 },
	{ "setxattr", call_setxattr, 3, 3 },
	{ "getxattr", call_getxattr, 2, 2 },
	{ "removexattr", call_removexattr, 2, 2 },
	{ "chdir", call_chdir, 1, 1 },
	{ NULL, NULL, 0, 0 },
};

static void run_call(int argc, char **argv)
{
	const struct call *call = calls;

	while (call->name && strcmp(call->name, argv[0]) != 0)
		call++;
	if (!call->name || argc - 1 < call->least || argc - 1 > call->most)
		usage(argv[0]);
	result[0] = '\0';
	if (call->run(argv + 1) < 0)
		puts(strerrorname_np(errno));
	else
		puts(result[0] ? result : "0");
}

static void become(const char *uid, char *groups)
{
	gid_t list[8];
	size_t count = 0;

	for (char *word = groups ? strtok(groups, ",") : NULL; word && count < 8;
	     word = strtok(NULL, ","))
		list[count++] = (gid_t)number(word);
	if (uid && count == 0)
		list[count++] = (gid_t)number(uid);
	if (count > 0 && (setgroups(count, list) < 0 || setresgid(list[0], list[0], list[0]) < 0))
		usage("-g (only root can)");
	if (uid) {
		uid_t id = (uid_t)number(uid);

		if (setresuid(id, id, id) < 0)
			usage("-u (only root can)");
	}
}

int main(int argc, char **argv)
{
	char *uid = NULL, *groups = NULL;
	int option;

	while ((option = getopt(argc, argv, "+u:g:m:")) != -1) {
		if (option == 'u')
			uid = optarg;
		else if (option == 'g')
			groups = optarg;
		else if (option == 'm')
			umask((mode_t)number(optarg));
		else
			return 2;
	}
	become(uid, groups);
	while (optind < argc) {
		char *args[ARGS_MAX + 1] = { NULL };
		int count = 0;

		for (; optind < argc && strcmp(argv[optind], ":") != 0; optind++) {
			if (count == ARGS_MAX)
				usage("so many words");
			args[count++] = argv[optind];
		}
		optind++;
		if (count > 0)
			run_call(count, args);
	}
	return 0;
}
