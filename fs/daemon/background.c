/* The parent waits, the child serves: see background.h. */
#include "daemon/background.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/time_source.h"
#include "daemon/probe.h"

enum { START_DEADLINE_MS = 60000 };

/* The parent's way out when the daemon is useless. _exit: the probe may still hang. */
static void give_up(pid_t child, const char *mountpoint, const char *why)
{
	kill(child, SIGTERM);
	fprintf(stderr, "cachefs: %s: %s; the daemon (pid %d) has been told to stop\n", mountpoint,
		why, (int)child);
	_exit(1);
}

static void tell_death(pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		fprintf(stderr, "cachefs: the daemon died before the mount was ready (signal %d)\n",
			WTERMSIG(status));
	else
		fprintf(stderr,
			"cachefs: the daemon ended before the mount was ready (exit status %d)\n",
			WEXITSTATUS(status));
}

static bool has_come(int fd, const struct deadline *deadline)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };

	for (;;) {
		int ready = poll(&look, 1, (int)deadline_left_ms(deadline));

		if (ready >= 0 || errno != EINTR)
			return ready > 0;
	}
}

__attribute__((noreturn)) static void parent_wait(int fd, pid_t child, const char *mountpoint)
{
	struct deadline deadline = deadline_in(&time_system, START_DEADLINE_MS);
	unsigned char status = 0;

	if (!has_come(fd, &deadline))
		give_up(child, mountpoint, "no answer within 60 s");
	if (read(fd, &status, 1) != 1) {
		tell_death(child);
		_exit(1);
	}
	if (status != 0)
		_exit(status); /* the child has said why */
	struct probe probe;
	deadline = deadline_in(&time_system, START_DEADLINE_MS);
	probe_path(mountpoint, &deadline, &probe);
	if (probe.looked < 0)
		give_up(child, mountpoint, strerror(-probe.looked));
	_exit(0);
}

int background_enter(struct background *background, const char *mountpoint)
{
	int fds[2];

	/* A daemon that keeps a caller's lock file or pipe open would hold it for days. */
	close_range(STDERR_FILENO + 1, UINT_MAX, 0);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fflush(NULL);
	pid_t child = fork();
	if (child < 0) {
		int rc = -errno;

		close(fds[0]);
		close(fds[1]);
		return rc;
	}
	if (child > 0) {
		close(fds[1]);
		parent_wait(fds[0], child, mountpoint);
	}
	close(fds[0]);
	background->verdict_fd = fds[1];
	setsid();
	return chdir("/") == 0 ? 0 : -errno;
}

static void tell(struct background *background, unsigned char status)
{
	assert(background->verdict_fd >= 0);
	/* A parent that is gone does not change anything. */
	if (write(background->verdict_fd, &status, 1) < 0)
		status = 0;
	close(background->verdict_fd);
	background->verdict_fd = -1;
}

void background_detach_stdio(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

void background_ready(struct background *background)
{
	if (background->verdict_fd < 0)
		return;
	background_detach_stdio();
	tell(background, 0);
}

void background_failed(struct background *background, int exit_status)
{
	if (background->verdict_fd >= 0)
		tell(background, (unsigned char)exit_status);
}
