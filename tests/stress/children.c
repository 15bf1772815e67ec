/* See children.h. */
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "record.h"

extern char **environ;

/* False, with EIO, unless it exits with 0. */
static bool ends_well(pid_t pid)
{
	int status = -1;

	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && status != 0)
		errno = EIO;
	return pid > 0 && status == 0;
}

bool child_exits(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return ends_well(pid);
}

static bool program_exits(void)
{
	char *const arguments[] = { (char *)(uintptr_t) "true", NULL };
	pid_t pid;

	errno = posix_spawnp(&pid, arguments[0], NULL, NULL, arguments, environ);
	return errno == 0 && ends_well(pid);
}

static bool write_piece(int fd, const char *bytes, size_t size, off_t at)
{
	return pwrite(fd, bytes, size, at) == (ssize_t)size;
}

static bool child_writes(int fd, const char *bytes, size_t size, off_t at)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(write_piece(fd, bytes, size, at) ? 0 : 1);
	return ends_well(pid);
}

bool write_with_children(int fd, const char *bytes, size_t size, enum pieces pieces,
			 uint64_t *random)
{
	size_t piece = pieces == PIECES_ONE ? size : 1 + size / (2 + random_next(random) % 3);
	bool ok = true;

	for (size_t at = 0; ok && at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		uint64_t dice = random_next(random) % 8;

		if (dice < 3)
			ok = child_writes(fd, bytes + at, n, (off_t)at);
		else
			ok = write_piece(fd, bytes + at, n, (off_t)at);
		if (ok && dice == 3)
			ok = program_exits();
		else if (ok && dice > 3)
			ok = child_exits();
	}
	return ok;
}

/* A file that holds the bytes, at its start; -1. */
static int file_of(const char *bytes, size_t size)
{
	int fd = memfd_create("value", MFD_CLOEXEC);

	if (fd >= 0 && !write_piece(fd, bytes, size, 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

bool set_by_subshell(int dir_fd, const char *path, const char *bytes, size_t size, uint64_t *random)
{
	char part[32];
	int from = file_of(bytes, size);

	snprintf(part, sizeof(part), "%zu", (size_t)random_next(random) % (size + 1));
	pid_t pid = from < 0 ? -1 : fork();
	if (pid == 0) {
		if ((dir_fd == AT_FDCWD || fchdir(dir_fd) == 0) && dup2(from, STDIN_FILENO) == 0)
			execlp("sh", "sh", "-c", "(head -c \"$1\" && cat) >\"$0\"", path, part,
			       (char *)NULL);
		_exit(127);
	}
	bool ok = ends_well(pid);
	close(from);
	return ok;
}

/* Writes half, tells so, and has children that come and go until the end. */
static void write_half(int fd, const char *bytes, size_t size, int tell)
{
	if (!write_piece(fd, bytes, size / 2, 0) || write(tell, "x", 1) != 1)
		_exit(1);
	for (size_t at = size / 2; at < size - 1; at++)
		if (!child_writes(fd, bytes + at, 1, (off_t)at))
			_exit(1);
	pause();
}

bool set_and_be_killed(int dir_fd, const char *path, const char *bytes, size_t size,
		       uint64_t *random)
{
	char byte;
	int ends[2];

	if (size < 2)
		return true;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (fd >= 0)
			write_half(fd, bytes, size, ends[1]);
		_exit(1);
	}
	close(ends[1]);
	bool began = pid > 0 && read(ends[0], &byte, 1) == 1;
	nanosleep(&(struct timespec){ .tv_nsec = (long)(random_next(random) % 3000000) }, NULL);
	if (pid > 0 && (kill(-pid, SIGKILL) == 0 || kill(pid, SIGKILL) == 0))
		waitpid(pid, NULL, 0);
	close(ends[0]);
	if (!began)
		errno = EIO;
	return began;
}
