#ifndef CACHEFS_FS_STATE_H
#define CACHEFS_FS_STATE_H

/*
 * The room verbs/: does what a request asks for, in the terms of a file system, with the help of
 * inodes/ and the stack. It does not know requests. It knows libfuse only where it notifies the
 * kernel (notifier.h).
 *
 * This header: the parts of one mounted cache. daemon/fs.c makes it; the requests and the functions
 * that they call use it.
 */

#include <stdatomic.h>

#include "base/private_dir.h"
#include "config/config.h"
#include "inodes/inode_state.h"
#include "inodes/name_read.h"
#include "stack/layered.h"
#include "verbs/descriptors.h"
#include "verbs/file_locks.h"
#include "verbs/notifier.h"
#include "verbs/process.h"
#include "verbs/shortage.h"

struct handle;
struct request_counts;

/* The latest LOOKUP of an absent name by a thread. A collision only makes the count of misses wrong
 * by one. */
struct recent_miss {
	pid_t tid;
	uint64_t name; /* a hash of directory and name */
};
enum { RECENT_MISSES = 64 };

/* Mode and owner that the root directory was given; mode 0: none. */
struct root_owner {
	uint32_t mode, uid, gid;
};

/* Private to scratch_rest.c and its siblings. */
struct scratch_rest {
	pthread_t thread;
	bool runs;
	bool ends; /* guarded by the inode table's lock */
	atomic_bool told, told_full, told_no_room, told_left; /* messages that the log gets once */
	atomic_uint_fast64_t stored, dropped;
	atomic_uint_fast64_t left_bytes; /* of an earlier run, not stored yet */
};

struct fs {
	const struct config *config;
	const struct fs_conf *conf;
	const struct time_source *time;
	struct layered *cache;
	struct inodes inodes;
	struct file_locks *locks;
	struct our_mount seen_as; /* fixed while requests are served */
	struct callers callers;
	struct scratch_rest rest;
	struct notifier *notifier;
	const struct request_counts *requests; /* the loop's; NULL before the loop exists */
	struct handle *handles;       /* all open handles; guarded by the inode table's lock, */
	uint64_t handle_count;        /* like their number */
	struct listing *listings;     /* likewise: open directories */
	struct inode **virtual_files; /* by enum control_file (inspect/control.h) */
	int64_t started_ms;           /* by the clock that never jumps */
	struct timespec started;      /* by the wall clock */
	uid_t uid;                    /* of entries without metadata: the daemon's user */
	gid_t gid;
	mode_t umask;                 /* of the process that mounts */
	struct root_owner root_owner; /* guarded by the inode table's lock */
	bool ending;                  /* no flush waits; guarded by the inode table's lock */
	void (*ready)(void *self);
	void *ready_self;
	struct recent_miss misses[RECENT_MISSES]; /* guarded by the inode table's lock */
	int64_t answer_within_ms;                 /* time limit for a request; 0: none */
	struct shortage changes, freezes;         /* of the content of open files */
	atomic_uint_fast64_t opens_stale, killed_writers;
};

/* Mode and owner where the metadata have none: entries of other programs, or lost metadata. type:
 * S_IFREG or S_IFDIR. */
static inline void fs_default_owner(const struct fs *fs, struct meta *meta, mode_t type)
{
	mode_t mode = fs->conf->foreign_mode & 0666u & ~fs->umask;

	meta->mode = type | (S_ISDIR(type) ? private_dir_mode(mode) : mode);
	meta->uid = fs->uid;
	meta->gid = fs->gid;
}

/* Likewise for a directory. The root of the mount is as open as its owner makes directories. */
static inline void fs_default_directory(const struct fs *fs, struct meta *meta, bool is_root)
{
	fs_default_owner(fs, meta, S_IFDIR);
	if (is_root)
		meta->mode = S_IFDIR | (0777u & ~fs->umask);
}

#endif
