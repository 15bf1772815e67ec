#ifndef CACHEFS_MOUNT_H
#define CACHEFS_MOUNT_H

/*
 * The session: mounting, unmounting, and workarounds for libfuse. The table of ops says what the
 * file system does.
 */

#include <stdbool.h>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "base/problem.h"
#include "verbs/descriptors.h"

struct mount;

/*
 * Mounts at mountpoint, an absolute path that mount_check.h found good. options is the
 * comma-separated -o text that fuse understands (may be NULL), and names the source (fsname);
 * fstype becomes fuse.cachefs. The session's INIT reply has FUSE_PARALLEL_DIROPS if the kernel
 * offers it (libfuse 3.14 does not pass it on). -EINVAL with the problem set.
 */
int mount_open(const char *mountpoint, const char *options, bool debug,
	       const struct fuse_lowlevel_ops *ops, void *userdata, struct mount **mount,
	       struct problem *problem);
struct fuse_session *mount_session(struct mount *mount);

/* The identity of the mount in mount tables. */
struct our_mount mount_seen_as(const struct mount *mount);

/* True if it still is the mount at its path; false after umount(8), lazy or forced. */
bool mount_is_in_place(const struct mount *mount);

/* Unmounts it if it is still mounted. Another mount that is at the path by now stays; then our
 * session ends without an unmount. */
void mount_unmount(struct mount *mount);
void mount_free(struct mount *mount);

#endif
