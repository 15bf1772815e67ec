#ifndef CACHEFS_MOUNT_H
#define CACHEFS_MOUNT_H

/*
 * The session: mounting, libfuse's quirks, unmounting. What the file system does is in the ops
 * table.
 */

#include <stdbool.h>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "base/problem.h"
#include "verbs/descriptors.h"

struct mount;

/*
 * Mounts at mountpoint, an absolute path that mount_check.h found good. options is the
 * comma-separated -o text that fuse understands (may be NULL) and names the source (fsname); fstype
 * becomes fuse.cachefs. The session's INIT reply carries FUSE_PARALLEL_DIROPS where the kernel
 * offers it (libfuse 3.14 does not pass it on). -EINVAL with the problem set.
 */
int mount_open(const char *mountpoint, const char *options, bool debug,
	       const struct fuse_lowlevel_ops *ops, void *userdata, struct mount **mount,
	       struct problem *problem);
struct fuse_session *mount_session(struct mount *mount);

/* How mount tables know it. */
struct our_mount mount_seen_as(const struct mount *mount);

/* Whether it is still the mount at its path: not after umount(8), lazily or by force. */
bool mount_is_in_place(const struct mount *mount);

/* Unmounts if still mounted; another mount that is there by now stays, and ours ends without being
 * unmounted. */
void mount_unmount(struct mount *mount);
void mount_free(struct mount *mount);

#endif
