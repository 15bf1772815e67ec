#ifndef CACHEFS_RECOVER_H
#define CACHEFS_RECOVER_H

/*
 * Mounts that a killed daemon left behind. Only fuse.cachefs mounts are detached, and only if they
 * are known to be dead. A mount is dead if the kernel says so (ENOTCONN). It is also dead if
 * nothing answers and the process that serves it is being killed: a notification that waits in the
 * kernel keeps this process, and all callers, until the mount is removed by force.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "verbs/mount_table.h"
#include "daemon/probe.h"

enum mountpoint_state {
	MOUNTPOINT_FREE,   /* no cachefs there; see the probe */
	MOUNTPOINT_ALIVE,  /* a cachefs that answers */
	MOUNTPOINT_DEAD,   /* a cachefs without a daemon */
	MOUNTPOINT_SILENT, /* a cachefs that does not answer in time, but may be alive */
};

struct mountpoint {
	enum mountpoint_state state;
	struct probe probe;
	struct mount_entry entry; /* of the mount of the path; empty if the path did not open */
	bool is_root;             /* the path is the root of that mount */
};

/*
 * True if the process has ended or will end, and answers nothing any more: its first thread has
 * ended, or it dumps core, or a thread that waits in the kernel keeps it from being killed. False
 * also if this is unknown.
 */
bool process_is_dying(pid_t pid);

/* Looks at a path; takes at most some seconds. mountpoint_done() ends *m. */
void mountpoint_look(const char *path, struct mountpoint *m);
void mountpoint_done(struct mountpoint *m);

/* Detaches the dead mount that was looked at. 0 or -errno; -EPERM: it is somebody else's. */
int mountpoint_clear(const struct mountpoint *m);

/* fusermount3 -u, quiet and lazy, for users who are not root. */
void run_fusermount(const char *mountpoint);

/* Fails all requests that wait for an answer on this connection. Its owner may do that. */
void connection_abort(unsigned connection);

#endif
