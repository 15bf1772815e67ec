/* See mounted_daemon.h. */

#include "mounted_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FUSE_MAGIC = 0x65735546, START_MS = 30000, STOP_MS = 20000, POLL_MS = 5 };

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void poll_pause(uint64_t ms)
{
	nanosleep(&(struct timespec){ (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 }, NULL);
}

bool poll_until(unsigned ms, bool (*done)(void *self), void *self)
{
	uint64_t end = now_ms() + ms;

	while (!done(self)) {
		if (now_ms() > end)
			return false;
		poll_pause(POLL_MS);
	}
	return true;
}

static bool has_ended(void *self)
{
	struct mounted_daemon *d = self;

	if (d->pid > 0 && waitpid(d->pid, NULL, WNOHANG) != 0)
		d->pid = 0;
	return d->pid == 0;
}

static bool answers(void *self)
{
	struct mounted_daemon *d = self;
	struct statfs fs;

	return has_ended(d) || (statfs(d->mountpoint, &fs) == 0 && fs.f_type == FUSE_MAGIC);
}

static void daemon_exec(const struct mounted_daemon *d)
{
	int fd = d->log ? open(d->log, O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
	execlp(d->program, d->program, "-f", d->config, d->mountpoint, (char *)NULL);
	dprintf(STDERR_FILENO, "%s: %s\n", d->program, strerror(errno));
	_exit(127);
}

bool daemon_start(struct mounted_daemon *d)
{
	struct stat st;

	d->pid = fork();
	if (d->pid == 0)
		daemon_exec(d);
	if (d->pid < 0 || !poll_until(START_MS, answers, d) || d->pid == 0 ||
	    stat(d->mountpoint, &st) < 0) {
		fprintf(stderr, "the daemon %s\n", d->pid ? "does not answer" : "ended");
		daemon_stop(d);
		return false;
	}
	d->connection = minor(st.st_dev);
	return true;
}

void daemon_kill(struct mounted_daemon *d)
{
	if (d->pid > 0)
		kill(d->pid, SIGKILL);
}

void daemon_abort(struct mounted_daemon *d)
{
	char path[64];

	/* A forced unmount aborts the connection, even where it cannot unmount; fusectl may not be
	 * there. */
	umount2(d->mountpoint, MNT_FORCE);
	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", d->connection);
	int fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	close(fd);
}

/* As whoever mounted: by the system call, or by its set-uid helper. */
static void unmount_lazily(const struct mounted_daemon *d)
{
	if (umount2(d->mountpoint, MNT_DETACH) == 0 || errno != EPERM)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		execlp("fusermount3", "fusermount3", "-u", "-z", "-q", d->mountpoint, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static bool is_unmounted(void *self)
{
	struct mounted_daemon *d = self;
	struct statfs fs;

	if (statfs(d->mountpoint, &fs) == 0 && fs.f_type != FUSE_MAGIC)
		return true;
	unmount_lazily(d);
	return false;
}

bool daemon_unmount(struct mounted_daemon *d)
{
	if (!poll_until(STOP_MS, has_ended, d)) {
		daemon_abort(d);
		if (!poll_until(STOP_MS, has_ended, d))
			return false;
	}
	return poll_until(STOP_MS, is_unmounted, d);
}

void daemon_stop(struct mounted_daemon *d)
{
	if (d->pid > 0)
		kill(d->pid, SIGTERM);
	if (!poll_until(STOP_MS, has_ended, d))
		daemon_kill(d);
	daemon_unmount(d);
}
