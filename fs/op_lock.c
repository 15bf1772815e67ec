/* FLOCK, SETLK, SETLKW, GETLK: see file_locks.h. */
#include "ops.h"

#include <errno.h>

#include "handle.h"
#include "reply.h"

/* A request that waits for a lock ends when its caller is interrupted, or the mount is being ended.
 */
struct lock_request {
	fuse_req_t req;
	struct fs *fs;
};

static bool is_interrupted(void *self)
{
	struct lock_request *r = self;

	if (fuse_req_interrupted(r->req))
		return true;
	inodes_lock(&r->fs->inodes);
	bool stopping = r->fs->inodes.stopping;
	inodes_unlock(&r->fs->inodes);
	return stopping;
}

static void on_interrupt(fuse_req_t req, void *data)
{
	(void)req;
	file_locks_wake(data);
}

/*
 * A waiting request keeps its thread. Some are always left over, or the unlock that all wait for
 * could not be read any more.
 */
static bool may_wait(struct fs *fs)
{
	enum { THREADS_KEPT = 16 };
	uint64_t max = fs->conf->threads_max;
	uint64_t limit = max > 2 * THREADS_KEPT ? max - THREADS_KEPT : max / 2;

	return atomic_load(&fs->lock_waits) < limit;
}

/* A lock request: flock() or fcntl(). */
struct lock_call {
	bool is_flock;
	int operation;      /* of flock, without LOCK_NB */
	struct flock *lock; /* of fcntl */
	bool sleep;
};

static void run_lock(fuse_req_t req, struct inode *inode, struct fuse_file_info *fi,
		     const struct lock_call *call)
{
	struct fs *fs = fs_of(req);
	struct lock_request r = { req, fs };
	struct file_lock_wait wait = { call->sleep, is_interrupted, &r };
	int rc = -EOPNOTSUPP;

	if (inode->kind != INODE_VIRTUAL)
		rc = call->sleep && !may_wait(fs) ? -ENOLCK : 0;
	if (rc < 0) {
		reply_status(req, rc);
		return;
	}
	struct handle *h = request_handle(fi);
	atomic_fetch_add(&fs->lock_waits, 1);
	fuse_req_interrupt_func(req, on_interrupt, fs->locks);
	if (call->is_flock) {
		h->has_flock = true;
		rc = file_locks_flock(fs->locks, h->inode->ino, fi->lock_owner, call->operation,
				      &wait);
	} else {
		h->has_posix = true;
		h->posix_owner = fi->lock_owner;
		rc = file_locks_setlk(fs->locks, h->inode->ino, fi->lock_owner, call->lock, &wait);
	}
	fuse_req_interrupt_func(req, NULL, NULL);
	atomic_fetch_sub(&fs->lock_waits, 1);
	reply_status(req, rc);
}

void op_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int operation)
{
	struct lock_call call = { .is_flock = true,
				  .operation = operation & ~LOCK_NB,
				  .sleep = !(operation & LOCK_NB) };

	run_lock(req, request_inode(req, ino), fi, &call);
}

void op_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock,
	      int sleep)
{
	struct lock_call call = { .lock = lock, .sleep = sleep };

	run_lock(req, request_inode(req, ino), fi, &call);
}

void op_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock)
{
	if (request_inode(req, ino)->kind == INODE_VIRTUAL) {
		reply_status(req, -EOPNOTSUPP);
		return;
	}
	int rc = file_locks_getlk(fs_of(req)->locks, request_handle(fi)->inode->ino, fi->lock_owner,
				  lock);
	if (rc < 0)
		reply_status(req, rc);
	else
		fuse_reply_lock(req, lock);
}
