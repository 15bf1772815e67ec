#ifndef CACHEFS_RECOVER_H
#define CACHEFS_RECOVER_H

/*
 * Mounts that a killed daemon left behind. Only ever detaches a fuse.cachefs mount, and only one
 * that is known to be dead: the kernel says so (ENOTCONN), or nothing answers and the process that
 * serves it is being killed (a notification that waits in the kernel keeps it, and all callers,
 * until the mount is removed by force).
 */

#include <stdbool.h>
#include <sys/types.h>

#include "verbs/mount_table.h"
#include "daemon/probe.h"

enum mountpoint_state {
	MOUNTPOINT_FREE,   /* no cachefs there; the probe says what is */
	MOUNTPOINT_ALIVE,  /* a cachefs that answers */
	MOUNTPOINT_DEAD,   /* a cachefs without a daemon */
	MOUNTPOINT_SILENT, /* a cachefs that does not answer in time and may be alive */
};

struct mountpoint {
	enum mountpoint_state state;
	struct probe probe;
	struct mount_entry entry; /* of what the path is on; empty if it could not be opened */
	bool is_root;             /* the path is the root of that mount */
};

/*
 * Whether it has ended or will, and answers nothing any more: its first thread is gone, or it dumps
 * core, or a thread that waits in the kernel keeps it from being killed. False: also if it is
 * unknown.
 */
bool process_is_dying(pid_t pid);

/* Takes at most some seconds. Ended with mountpoint_done(). */
void mountpoint_look(const char *path, struct mountpoint *m);
void mountpoint_done(struct mountpoint *m);

/* Detaches the dead mount that was looked at. 0 or -errno; -EPERM: it is somebody else's. */
int mountpoint_clear(const struct mountpoint *m);

/* fusermount3 -u, quietly and lazily, for those who are not root. */
void run_fusermount(const char *mountpoint);

/* Fails what waits for an answer of this connection; its owner may ask for that. */
void connection_abort(unsigned connection);

#endif
