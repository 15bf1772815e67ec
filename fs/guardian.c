/* See guardian.h. */
#include "guardian.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "../backends/log.h"
#include "background.h"
#include "recover.h"

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

/* The daemon's other threads may end after the first: look until its mount is dead or gone. */
static void clear(const char *mountpoint)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	enum mountpoint_state state = MOUNTPOINT_SILENT;

	for (int i = 0; i < TRIES && state != MOUNTPOINT_FREE; i++) {
		struct mountpoint m;

		mountpoint_look(mountpoint, &m);
		state = m.state;
		if (state == MOUNTPOINT_DEAD)
			mountpoint_clear(&m);
		mountpoint_done(&m);
		if (state == MOUNTPOINT_ALIVE)
			break; /* somebody has started again */
		if (state != MOUNTPOINT_FREE)
			nanosleep(&pause, NULL);
	}
}

__attribute__((noreturn)) static void watch(const char *mountpoint, pid_t daemon_pid)
{
	sigset_t set;
	int number;

	background_detach_stdio();
	close_range(STDERR_FILENO + 1, UINT_MAX, 0);
	log_set_target(LOG_TO_SYSLOG);
	log_reopen();
	/* The parent's first thread tells by its end, even while another one hangs in the kernel.
	 */
	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	if (getppid() == daemon_pid)
		while (sigwait(&set, &number) != 0)
			;
	clear(mountpoint);
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
