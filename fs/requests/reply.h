#ifndef CACHEFS_REPLY_H
#define CACHEFS_REPLY_H

/* Turns attributes into libfuse's structs, and reads from a request who its caller is. */

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "verbs/holders.h"
#include "verbs/lookup.h"

/* Fills an entry reply, and ends the attributes' meta. */
void reply_entry_param(struct fs *fs, struct attributes *attributes,
		       struct fuse_entry_param *entry);

/* Replies. If the kernel does not want the entry any more, takes the lookup back. */
void reply_entry(fuse_req_t req, struct attributes *attributes);
void reply_attr(fuse_req_t req, struct attributes *attributes);

/* The reply to MKDIR and SYMLINK: rc, or the entry that was just made. */
void reply_created(fuse_req_t req, struct inode *dir, const char *name, int rc);

/* Takes n lookups of an inode back. */
void reply_forget(struct fs *fs, struct inode *inode, uint64_t lookups);

/* The errno for programs: -EIO for an errno that has a meaning only inside the daemon. */
int reply_errno(int rc);

/* rc: 0 or -errno, which is replied as reply_errno() gives it. */
void reply_status(fuse_req_t req, int rc);

/* Likewise for a lock: -EAGAIN means that somebody else has the lock, -EINTR that a signal ended
 * the wait. */
void reply_lock(fuse_req_t req, int rc);

/* The userdata of the session. */
static inline struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline pid_t request_tid(fuse_req_t req)
{
	return fuse_req_ctx(req)->pid;
}

/* fi: of WRITE or FLUSH, which tell the table of descriptors; NULL: another request. */
static inline struct caller request_caller(fuse_req_t req, const struct fuse_file_info *fi)
{
	return (struct caller){ request_tid(req), fi ? fi->lock_owner : 0 };
}

static inline struct handle *request_handle(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

static inline struct inode *request_inode(fuse_req_t req, fuse_ino_t ino)
{
	return inode_at(&fs_of(req)->inodes, ino);
}

#endif
