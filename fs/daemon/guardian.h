#ifndef CACHEFS_GUARDIAN_H
#define CACHEFS_GUARDIAN_H

/*
 * A small process beside a daemon in the background: when the daemon has died, it removes the dead
 * mount. mount -a needs this, because it takes a dead mount for a mounted one. Callers that hang in
 * a notification of the dead daemon need it, too.
 */

/* The daemon's first thread calls it before it starts other threads or opens anything. 0 or -errno.
 * The daemon need not end the guardian, which ends after the daemon. */
int guardian_start(const char *mountpoint, int argc, char **argv);

#endif
