#ifndef CACHEFS_FS_STATE_H
#define CACHEFS_FS_STATE_H

/* What one mounted cache consists of. Only fs.c and the operations (op_*.c, and what they call) see
 * it. */

#include <stdatomic.h>

#include "control.h"
#include "descriptors.h"
#include "file_locks.h"
#include "fs.h"
#include "inode.h"
#include "loop.h"
#include "process.h"
#include "shortage.h"

/* For testing the tests: CACHEFS_BREAK names a promise to break. */
enum fs_break { BREAK_NOTHING, BREAK_PUBLISH_AT_OPEN, BREAK_ACK_BEFORE_COMMIT };

struct handle;

/* The latest LOOKUP of an absent name by a thread; collisions cost an exact count, no more. */
struct recent_miss {
	pid_t tid;
	uint64_t name; /* a hash of directory and name */
};
enum { RECENT_MISSES = 64 };

struct fs {
	const struct config *config;
	const struct fs_conf *conf;
	const struct time_source *time;
	struct layered *cache;
	struct inodes inodes;
	struct file_locks *locks;
	struct fuse_session *session;
	struct our_mount seen_as; /* fixed while requests are served */
	struct callers callers;
	struct notifier *notifier;
	struct loop *loop;
	struct handle *handles;   /* all open ones; guarded by the inode table's lock, */
	uint64_t handle_count;    /* as is their number */
	struct listing *listings; /* likewise: open directories */
	struct inode *virtual_files[CONTROL_FILES];
	int64_t started_ms;      /* by the clock that never jumps */
	struct timespec started; /* by the wall clock */
	uid_t uid;               /* of entries without metadata: the daemon's */
	gid_t gid;
	mode_t umask;
	enum fs_break broken;
	bool ending; /* no flush waits; guarded by the inode table's lock */
	void (*ready)(void *self);
	void *ready_self;
	struct recent_miss misses[RECENT_MISSES]; /* guarded by the inode table's lock */
	int64_t answer_within_ms;                 /* a request; 0: whenever */
	struct shortage changes, freezes;         /* of the content of open files */
	atomic_uint_fast64_t opens_stale, killed_writers;
};

static inline struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* Mode and owner of what other programs have made, as far as nobody has changed them: S_IFREG or
 * S_IFDIR. */
static inline void fs_default_owner(const struct fs *fs, struct meta *meta, mode_t type)
{
	meta->mode = type | ((S_ISDIR(type) ? 0777u : 0666u) & ~fs->umask);
	meta->uid = fs->uid;
	meta->gid = fs->gid;
}

#endif
