/* INIT, LOOKUP, FORGET. */
#include "requests/ops.h"

#include <errno.h>

#include "inspect/control.h"
#include "verbs/directory.h"
#include "verbs/answer.h"
#include "requests/reply.h"

enum {
	/* RELEASE and readahead count as background: a bound on them would delay a close's effect
	   past later opens. */
	MAX_BACKGROUND = 65535,
	MAX_WRITE = 1 << 20,
};

void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct fs *fs = userdata;

	/* What costs a copy more than it saves, and what hides errors from close(). */
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				  FUSE_CAP_SPLICE_MOVE | FUSE_CAP_WRITEBACK_CACHE |
				  FUSE_CAP_AUTO_INVAL_DATA);
	conn->want |= conn->capable & (unsigned)(FUSE_CAP_FLOCK_LOCKS | FUSE_CAP_POSIX_LOCKS |
						 FUSE_CAP_ATOMIC_O_TRUNC |
						 FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_READDIRPLUS |
						 FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ASYNC_READ);
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND;
	conn->max_write = MAX_WRITE;
	conn->time_gran = 1;
	if (fs->ready)
		fs->ready(fs->ready_self);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct inode *dir = request_inode(req, parent);
	struct attributes a;
	int file = control_find(fs, dir, key_of(name));
	int rc = 0;

	if (file >= 0) {
		rc = answer_attributes(fs, fs->virtual_files[file], request_tid(req), &a);
		inodes_lock(&fs->inodes);
		fs->virtual_files[file]->lookups++;
		inodes_unlock(&fs->inodes);
	} else {
		rc = dir->view->lookup(fs, dir, key_of(name), request_tid(req), &a);
	}
	if (rc == 0)
		reply_entry(req, &a);
	else
		reply_status(req, rc);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	struct fs *fs = fs_of(req);

	reply_forget(fs, request_inode(req, ino), nlookup);
	fuse_reply_none(req);
	directory_save_times(fs);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct fs *fs = fs_of(req);

	inodes_lock(&fs->inodes);
	for (size_t i = 0; i < count; i++)
		inode_forget_locked(&fs->inodes, request_inode(req, forgets[i].ino),
				    forgets[i].nlookup);
	inodes_unlock(&fs->inodes);
	fuse_reply_none(req);
	directory_save_times(fs);
}
