#ifndef CACHEFS_GUARDIAN_H
#define CACHEFS_GUARDIAN_H

/*
 * A small process beside a daemon in the background: when the daemon has died, it removes the dead
 * mount. mount -a needs that, for it takes a dead mount for a mounted one; and so do callers that
 * hang in a notification that was under way.
 */

/* To be called by the daemon's first thread, before it has others or opens anything. 0 or -errno.
 * The daemon need not end it: the guardian ends after it. */
int guardian_start(const char *mountpoint, int argc, char **argv);

#endif
