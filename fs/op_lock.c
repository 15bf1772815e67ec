/* FLOCK, SETLK, SETLKW, GETLK: see file_locks.h. */
#include "ops.h"

#include <errno.h>

#include "handle.h"
#include "reply.h"

static struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

/* A request that waits for a lock ends when its caller is interrupted, or the mount is being ended. */
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

void op_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int operation)
{
	struct fs *fs = fs_of(req);
	struct lock_request r = { req, fs };
	struct file_lock_wait wait = { !(operation & LOCK_NB), is_interrupted, &r };

	if (request_inode(req, ino)->kind == INODE_VIRTUAL) {
		reply_status(req, -EOPNOTSUPP);
		return;
	}
	handle_of(fi)->has_flock = true;
	fuse_req_interrupt_func(req, on_interrupt, fs->locks);
	int rc = file_locks_flock(fs->locks, handle_of(fi)->inode->ino, fi->lock_owner, operation & ~LOCK_NB, &wait);
	fuse_req_interrupt_func(req, NULL, NULL);
	reply_status(req, rc);
}

void op_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock, int sleep)
{
	struct fs *fs = fs_of(req);
	struct lock_request r = { req, fs };
	struct file_lock_wait wait = { sleep, is_interrupted, &r };

	if (request_inode(req, ino)->kind == INODE_VIRTUAL) {
		reply_status(req, -EOPNOTSUPP);
		return;
	}
	handle_of(fi)->has_posix = true;
	fuse_req_interrupt_func(req, on_interrupt, fs->locks);
	int rc = file_locks_setlk(fs->locks, handle_of(fi)->inode->ino, fi->lock_owner, lock, &wait);
	fuse_req_interrupt_func(req, NULL, NULL);
	reply_status(req, rc);
}

void op_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock)
{
	if (request_inode(req, ino)->kind == INODE_VIRTUAL) {
		reply_status(req, -EOPNOTSUPP);
		return;
	}
	int rc = file_locks_getlk(fs_of(req)->locks, handle_of(fi)->inode->ino, fi->lock_owner, lock);
	if (rc < 0)
		reply_status(req, rc);
	else
		fuse_reply_lock(req, lock);
}
