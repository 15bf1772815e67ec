/* WRITE, FLUSH, FSYNC, FALLOCATE. */
#include "requests/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "inspect/control_run.h"
#include "verbs/handle_close.h"
#include "verbs/handle_write.h"
#include "verbs/metadata.h"
#include "verbs/write_out.h"
#include "requests/reply.h"
#include "verbs/test_switches.h"

/* Commands are obeyed; what is written to CACHEDIR.TAG is accepted and ignored. */
static void write_virtual(fuse_req_t req, struct handle *h, const char *bytes, size_t size)
{
	int rc = h->commands ? control_write(fs_of(req), h, bytes, size) : 0;

	if (rc < 0)
		reply_status(req, rc);
	else
		fuse_reply_write(req, size);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t offset,
	      struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct handle *h = request_handle(fi);

	if (request_inode(req, ino)->kind == INODE_VIRTUAL) {
		write_virtual(req, h, bytes, size);
		return;
	}
	holders_note_writer(fs, h, request_caller(req, fi));
	bool append = (fi->flags & O_APPEND) && !fi->writepage;
	int rc = handle_write(fs, h, bytes, size, (uint64_t)offset, append);
	if (rc < 0) {
		reply_status(req, rc);
		return;
	}
	if (!fi->writepage) /* a page that was mapped is nobody's write */
		metadata_wrote(fs, h->inode, fuse_req_ctx(req)->uid);
	fuse_reply_write(req, size);
}

/* For testing the tests: says that it is stored, and stores it afterwards. RELEASE may come in
 * between. */
static void flush_too_late(fuse_req_t req, struct handle *h)
{
	struct fs *fs = fs_of(req);
	struct inode *inode = h->inode;
	bool writer = h->writer;

	if (writer) {
		inodes_lock(&fs->inodes);
		inode_pin_locked(inode);
		inode->writers++;
		inodes_unlock(&fs->inodes);
	}
	reply_status(req, 0);
	if (!writer)
		return;
	write_out(fs, inode);
	inodes_lock(&fs->inodes);
	inode->writers--;
	inode_settle_locked(&fs->inodes, inode);
	inode_unpin_locked(&fs->inodes, inode);
	inodes_unlock(&fs->inodes);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct handle *h = request_handle(fi);

	if (request_inode(req, ino)->kind == INODE_VIRTUAL) {
		reply_status(req, 0);
		return;
	}
	/* First published, then unlocked: whoever waits for the lock shall see what it was for. */
	bool too_late = test_switch_breaks(BREAK_ACK_BEFORE_COMMIT);
	int rc = too_late ? 0 : handle_flush(fs, h, request_caller(req, fi));
	/* Those of the file, through whichever descriptor they were asked for. */
	file_locks_end_posix(fs->locks, h->inode->ino, fi->lock_owner);
	if (too_late)
		flush_too_late(req, h);
	else
		reply_status(req, rc);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)datasync;
	if (request_inode(req, ino)->kind == INODE_VIRTUAL)
		reply_status(req, 0);
	else
		reply_status(req, handle_fsync(fs_of(req), request_handle(fi)));
}

/* A hole is zeros, and so is a zero range; space set aside beyond the end is nothing that a value
 * has.
 */
static int allocate(struct fs *fs, struct handle *h, int mode, uint64_t offset, uint64_t size)
{
	int rc = 0;

	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		rc = handle_zero(fs, h, offset, size);
	if (rc == 0 && !(mode & FALLOC_FL_KEEP_SIZE))
		rc = handle_extend(fs, h, offset + size);
	return rc;
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
		  struct fuse_file_info *fi)
{
	const int known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;

	if (request_inode(req, ino)->kind == INODE_VIRTUAL || (mode & ~known)) {
		reply_status(req, -EOPNOTSUPP);
		return;
	}
	holders_note_writer(fs_of(req), request_handle(fi), request_caller(req, NULL));
	int rc = allocate(fs_of(req), request_handle(fi), mode, (uint64_t)offset, (uint64_t)length);
	if (rc == 0)
		metadata_wrote(fs_of(req), request_handle(fi)->inode, fuse_req_ctx(req)->uid);
	reply_status(req, rc);
}
