/*
 * hand: a process whose file operations a test commands, line by line on stdin, one answer per
 * line: "ok", "ok RESULT" or the name of the errno. A shell can't play it: every child it makes
 * inherits its descriptors, and closes them, which is a flush.
 *
 *   open PATH FLAG[,FLAG...]      r w rw creat trunc excl append
 *   read | pread OFFSET COUNT     all from the start | a part, as text
 *   write TEXT | pwrite OFFSET TEXT | truncate SIZE | fsync | dupclose | size | ino | close
 *   map | poke OFFSET TEXT | peek | msync | unmap     a shared mapping of the whole file
 *   flock|flockw sh|ex|un         without waiting, waiting
 *   setlk|setlkw|getlk sh|ex|un [START LENGTH]
 *   fork | exit                   a child that holds the file open, until we end
 *   setxattr NAME TEXT            on the open file
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { RESULT_MAX = 1 << 20 };

static int fd = -1;
static char *map;
static size_t map_size;
static char result[RESULT_MAX + 1]; /* what follows "ok" */

static int parse_flags(char *text)
{
	static const struct {
		const char *name;
		int flag;
	} flags[] = { { "r", O_RDONLY },     { "w", O_WRONLY },    { "rw", O_RDWR },
		      { "creat", O_CREAT },  { "trunc", O_TRUNC }, { "excl", O_EXCL },
		      { "append", O_APPEND } };
	int sum = 0;

	for (char *name = strtok(text, ","); name; name = strtok(NULL, ","))
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			if (strcmp(name, flags[i].name) == 0)
				sum |= flags[i].flag;
	return sum;
}

static int do_read(off_t offset, size_t count)
{
	size_t at = 0;
	ssize_t rc;

	if (count > RESULT_MAX)
		count = RESULT_MAX;
	while (at < count && (rc = pread(fd, result + at, count - at, offset + (off_t)at)) != 0) {
		if (rc < 0)
			return -1;
		at += (size_t)rc;
	}
	result[at] = '\0';
	return 0;
}

static int write_all(ssize_t written, const char *text)
{
	return written == (ssize_t)strlen(text) ? 0 : -1;
}

static int do_map(void)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	map_size = (size_t)st.st_size;
	int writes = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR ? PROT_WRITE : 0;
	map = mmap(NULL, map_size, PROT_READ | writes, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		map = NULL;
		return -1;
	}
	return 0;
}

/* how: sh, ex or un; range: "START LENGTH", or NULL: all. A call that ends in w waits. */
static int do_lock(const char *call, const char *how, const char *range)
{
	int kind = strcmp(how, "sh") == 0 ? 0 : strcmp(how, "ex") == 0 ? 1 : 2;
	static const int flock_ops[] = { LOCK_SH, LOCK_EX, LOCK_UN };
	static const short types[] = { F_RDLCK, F_WRLCK, F_UNLCK };
	struct flock lock = { .l_type = types[kind], .l_whence = SEEK_SET };
	bool waits = call[strlen(call) - 1] == 'w';
	char *end = NULL;

	if (strncmp(call, "flock", 5) == 0)
		return flock(fd, flock_ops[kind] | (waits ? 0 : LOCK_NB));
	lock.l_start = range ? strtoll(range, &end, 10) : 0;
	lock.l_len = end ? strtoll(end, NULL, 10) : 0;
	if (strcmp(call, "getlk") != 0)
		return fcntl(fd, waits ? F_SETLKW : F_SETLK, &lock);
	if (fcntl(fd, F_GETLK, &lock) < 0)
		return -1;
	if (lock.l_type == F_UNLCK)
		strcpy(result, "free");
	else
		snprintf(result, sizeof(result), "%s %lld %lld %d",
			 lock.l_type == F_WRLCK ? "ex" : "sh", (long long)lock.l_start,
			 (long long)lock.l_len, (int)lock.l_pid);
	return 0;
}

/* A child with the same open file that lives as long as we do. */
static int do_fork(void)
{
	pid_t parent = getpid(), child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(STDIN_FILENO);
		while (getppid() == parent) /* it may have ended before we asked for the signal */
			pause();
		_exit(0);
	}
	snprintf(result, sizeof(result), "%d", (int)child);
	return child;
}

static int do_stat(const char *what)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	snprintf(result, sizeof(result), "%llu",
		 (unsigned long long)(strcmp(what, "ino") == 0 ? st.st_ino : (ino_t)st.st_size));
	return 0;
}

/* The commands that need a mapping. */
static int do_mapped(const char *call, size_t offset, const char *text)
{
	if (strcmp(call, "map") == 0)
		return do_map();
	if (!map) {
		errno = EINVAL;
		return -1;
	}
	if (strcmp(call, "poke") == 0)
		memcpy(map + offset, text, strlen(text));
	if (strcmp(call, "peek") == 0) {
		memcpy(result, map, map_size);
		result[map_size] = '\0';
	}
	if (strcmp(call, "msync") == 0)
		return msync(map, map_size, MS_SYNC);
	if (strcmp(call, "unmap") == 0)
		return munmap(map, map_size);
	return 0;
}

/* first and rest: the words behind the command. */
static int command_do(const char *call, char *first, char *rest)
{
	char *text = rest ? rest : first;
	int rc;

	if (strcmp(call, "open") == 0)
		return fd = open(first, parse_flags(rest), 0644);
	if (strcmp(call, "read") == 0)
		return do_read(0, RESULT_MAX);
	if (strcmp(call, "pread") == 0)
		return do_read(atoll(first), (size_t)atoll(rest));
	if (strcmp(call, "write") == 0)
		return write_all(write(fd, text, strlen(text)), text);
	if (strcmp(call, "pwrite") == 0)
		return write_all(pwrite(fd, rest, strlen(rest), atoll(first)), rest);
	if (strcmp(call, "truncate") == 0)
		return ftruncate(fd, atoll(first));
	if (strcmp(call, "fsync") == 0)
		return fsync(fd);
	if (strcmp(call, "dupclose") == 0)
		return close(dup(fd));
	if (strcmp(call, "size") == 0 || strcmp(call, "ino") == 0)
		return do_stat(call);
	if (strncmp(call, "flock", 5) == 0 || strncmp(call, "setlk", 5) == 0 ||
	    strcmp(call, "getlk") == 0)
		return do_lock(call, first, rest);
	if (strcmp(call, "exit") == 0)
		exit(0);
	if (strcmp(call, "fork") == 0)
		return do_fork();
	if (strcmp(call, "setxattr") == 0)
		return fsetxattr(fd, first, rest, strlen(rest), 0);
	if (strcmp(call, "close") != 0)
		return do_mapped(call, (size_t)atoll(first ? first : "0"), text);
	rc = close(fd);
	fd = -1;
	return rc;
}

/* SIGUSR1 ends a call that waits, and nothing else. */
static void on_signal(int number)
{
	(void)number;
}

int main(void)
{
	static const struct sigaction interrupted = { .sa_handler = on_signal };
	static char line[65536];

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGUSR1, &interrupted, NULL);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		char *first = strchr(line, ' '), *rest = NULL;
		if (first) {
			*first++ = '\0';
			rest = strcmp(line, "write") == 0 ? NULL : strchr(first, ' ');
		}
		if (rest)
			*rest++ = '\0';
		result[0] = '\0';
		if (command_do(line, first, rest) < 0)
			puts(strerrorname_np(errno));
		else
			printf("ok%s%s\n", result[0] ? " " : "", result);
	}
	return 0;
}
