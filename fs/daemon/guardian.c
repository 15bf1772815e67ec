/* See guardian.h. */
#include "daemon/guardian.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/background.h"
#include "daemon/recover.h"

enum { TRIES = 20 };

/* What ps shows instead of the daemon's own command line. */
static void rename_self(const char *mountpoint, int argc, char **argv)
{
	char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	size_t size = (size_t)(end - argv[0]);

	memset(argv[0], 0, size);
	snprintf(argv[0], size, "cachefs guardian of %s", mountpoint);
	prctl(PR_SET_NAME, "cachefs-guard");
}

/* Whether it is to go, now that the daemon answers nothing any more: silence is enough. */
static bool is_dead(const struct mountpoint *m, unsigned connection)
{
	return m->state == MOUNTPOINT_DEAD || (m->state == MOUNTPOINT_SILENT && connection != 0 &&
					       m->entry.connection == connection);
}

/* The daemon's other threads may end after the first: look until its mount is dead or gone. */
static void clear(const char *mountpoint, unsigned connection)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	enum mountpoint_state state = MOUNTPOINT_SILENT;

	for (int i = 0; i < TRIES && state != MOUNTPOINT_FREE; i++) {
		struct mountpoint m;

		mountpoint_look(mountpoint, &m);
		state = m.state;
		if (is_dead(&m, connection))
			mountpoint_clear(&m);
		mountpoint_done(&m);
		if (state == MOUNTPOINT_ALIVE && m.entry.connection != connection)
			break; /* somebody has started again */
		if (state != MOUNTPOINT_FREE)
			nanosleep(&pause, NULL);
	}
}

/*
 * The end of the parent's first thread is told by a signal, even while another one hangs in the
 * kernel. But a process that dumps core first waits for all its threads, for ever if one of them is
 * in a notification: so it is looked at, too.
 */
static void await_death(pid_t daemon_pid, const char *mountpoint, unsigned *connection)
{
	const struct timespec second = { .tv_sec = 1 }, soon = { .tv_nsec = 100 * 1000 * 1000 };
	int in_a_hurry = 100; /* looks */
	sigset_t set;

	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	while (getppid() == daemon_pid && !process_is_dying(daemon_pid)) {
		if (*connection == 0)
			*connection = mount_connection_at(mountpoint);
		/* Without it, another process that still holds a connection of the same number,
		 * of a mount that is gone, would look like a daemon that lives. */
		sigtimedwait(&set, NULL, *connection == 0 && in_a_hurry-- > 0 ? &soon : &second);
	}
}

__attribute__((noreturn)) static void watch(const char *mountpoint, pid_t daemon_pid)
{
	unsigned connection = 0;

	background_detach_stdio();
	close_range(STDERR_FILENO + 1, UINT_MAX, 0);
	log_set_target(LOG_TO_SYSLOG);
	log_reopen();
	await_death(daemon_pid, mountpoint, &connection);
	clear(mountpoint, connection);
	_exit(0);
}

int guardian_start(const char *mountpoint, int argc, char **argv)
{
	char *point = strdup(mountpoint);
	pid_t daemon_pid = getpid();

	if (!point)
		return -ENOMEM;
	pid_t pid = fork();
	if (pid == 0) {
		rename_self(point, argc, argv);
		watch(point, daemon_pid);
	}
	int error = errno;
	free(point);
	return pid < 0 ? -error : 0;
}
