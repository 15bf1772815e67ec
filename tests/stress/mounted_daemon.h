#ifndef CACHEFS_MOUNTED_DAEMON_H
#define CACHEFS_MOUNTED_DAEMON_H

/* A cachefs daemon as a test's child: started in the foreground, killed, its dead mount removed. */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct mounted_daemon {
	const char *program, *config, *mountpoint;
	const char *log; /* its stderr is appended here; NULL: ours */
	/* its own: */
	pid_t pid;
	unsigned connection; /* the number below /sys/fs/fuse/connections */
};

/* Starts it and waits until the mount answers. False, with the reason on stderr, if it does not. */
bool daemon_start(struct mounted_daemon *d);

/* kill -9; does not wait for the process, which may be stuck until daemon_abort(). */
void daemon_kill(struct mounted_daemon *d);

/* Ends the connection by force: every caller gets an error. */
void daemon_abort(struct mounted_daemon *d);

/* Reaps a killed daemon and removes its dead mount. */
bool daemon_unmount(struct mounted_daemon *d);

/* SIGTERM, the end awaited; whatever is left is killed and unmounted. */
void daemon_stop(struct mounted_daemon *d);

/* Polls until done(self) or the time is over; the last answer. */
bool poll_until(unsigned ms, bool (*done)(void *self), void *self);
void poll_pause(uint64_t ms);

#endif
