/* FLOCK, SETLK, SETLKW, GETLK: see file_locks.h. */
#include "requests/ops.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "verbs/handle.h"
#include "verbs/lock_close.h"
#include "requests/owed.h"
#include "requests/reply.h"

/* A request that may wait: then it is kept, and answered by whoever lets it through. */
struct lock_request {
	struct file_lock_wait wait;
	fuse_req_t req;
};

/*
 * libfuse holds the request's lock while it calls on_interrupt(), so that one must not wait for
 * itself here; all others do, and then it is not called any more.
 */
static void answer(struct file_lock_wait *wait, int rc)
{
	struct lock_request *r = (struct lock_request *)((char *)wait -
							 offsetof(struct lock_request, wait));

	if (rc != -EINTR)
		fuse_req_interrupt_func(r->req, NULL, NULL);
	reply_lock(r->req, rc);
	free(r);
}

static void on_interrupt(fuse_req_t req, void *data)
{
	struct lock_request *r = data;

	file_locks_interrupt(fs_of(req)->locks, &r->wait);
}

/* A lock request: flock() or fcntl(). */
struct lock_call {
	bool is_flock;
	int operation;      /* of flock, without LOCK_NB */
	struct flock *lock; /* of fcntl */
	bool sleep;
};

static int run(struct fs *fs, struct handle *h, uint64_t owner, pid_t tid, uid_t uid,
	       const struct lock_call *call, struct file_lock_wait *wait)
{
	if (call->is_flock) {
		h->has_flock = true;
		return file_locks_flock(fs->locks, h->inode->ino, owner, uid, call->operation,
					wait);
	}
	lock_close_asked(fs, h, owner);
	bool locks = call->lock->l_type != F_UNLCK;
	uint64_t ino = h->inode->ino;
	int rc = file_locks_setlk(fs->locks, ino, owner, uid, call->lock, wait);
	if (locks && (rc == 0 || rc == -EINPROGRESS))
		lock_close_note(fs, ino, tid, owner);
	return rc;
}

static void run_lock(fuse_req_t req, struct inode *inode, struct fuse_file_info *fi,
		     const struct lock_call *call)
{
	struct fs *fs = fs_of(req);
	struct lock_request *r = NULL;
	pid_t tid = request_tid(req);

	if (inode->kind == INODE_VIRTUAL) {
		reply_status(req, -EOPNOTSUPP);
		return;
	}
	if (call->sleep) {
		r = calloc(1, sizeof(*r));
		if (!r) {
			reply_status(req, -ENOLCK);
			return;
		}
		r->wait.answer = answer;
		r->req = req;
		fuse_req_interrupt_func(req, on_interrupt, r);
	}
	int rc = run(fs, request_handle(fi), fi->lock_owner, tid, fuse_req_ctx(req)->uid, call,
		     r ? &r->wait : NULL);
	if (rc == -EINPROGRESS) {
		owed_leave();
		return;
	}
	if (r)
		fuse_req_interrupt_func(req, NULL, NULL);
	reply_lock(req, rc);
	free(r);
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
