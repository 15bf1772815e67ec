/* OPEN, CREATE, READ, RELEASE. */
#include "requests/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/waiting.h"
#include "inspect/control.h"
#include "inspect/control_layers.h"
#include "inspect/control_run.h"
#include "verbs/directory.h"
#include "verbs/handle_close.h"
#include "verbs/handle_open.h"
#include "verbs/lock_close.h"
#include "verbs/lookup.h"
#include "verbs/metadata.h"
#include "requests/reply.h"

static void set_file_info(struct fs *fs, struct fuse_file_info *fi, struct handle *h)
{
	fi->fh = (uint64_t)(uintptr_t)h;
	fi->noflush = lock_close_is_silent(fs, h);
	/* Saves a GETXATTR per write; mmap needs O_RDWR, so nothing is lost. */
	fi->direct_io = h->direct;
	fi->keep_cache = !h->direct && !h->shares; /* a version never changes under its inode */
}

/* Fills the page cache, so that a first get needs no READ. */
static void store_small_value(struct fs *fs, fuse_ino_t ino, struct handle *h)
{
	const struct value *value = handle_to_store(fs, h);

	if (value)
		notifier_store(fs->notifier, ino, value_bytes(value), (size_t)value_size(value));
}

/* Who may write what; what is read is a text of its own for each open. */
static int open_virtual_handle(struct fs *fs, struct inode *inode, bool writes,
			       enum control_reader reader, struct handle **h)
{
	struct value *text = NULL;
	int rc = 0;

	if (inode->virtual_file == CONTROL_COMMANDS)
		return writes ? control_open(fs, inode, h) : -EACCES;
	if (inode->virtual_file == CONTROL_VIEW)
		rc = writes ? -EROFS : layer_view_value(fs, inode, &text);
	else if (writes && inode->virtual_file != CONTROL_TAG)
		rc = -EACCES;
	else
		text = control_text(fs, inode->virtual_file, reader);
	return rc < 0 ? rc : handle_open_text(fs, inode, text, h);
}

static void open_virtual(fuse_req_t req, struct inode *inode, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	bool writes = (fi->flags & O_ACCMODE) != O_RDONLY;
	struct handle *h;
	uid_t uid = fuse_req_ctx(req)->uid;
	int rc = open_virtual_handle(
		fs, inode, writes, uid == 0 || uid == fs->uid ? CONTROL_OWNER : CONTROL_OTHERS, &h);

	if (rc < 0) {
		reply_status(req, rc);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)h;
	fi->direct_io = 1;
	fi->noflush =
		1; /* a child's exit would end a line of commands that its parent goes on with */
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle_release(fs, h);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct inode *inode = request_inode(req, ino);
	struct open_request request = { .flags = fi->flags,
					.tid = request_tid(req),
					.uid = fuse_req_ctx(req)->uid };
	struct handle *h = NULL;

	if (inode->kind == INODE_VIRTUAL) {
		open_virtual(req, inode, fi);
		return;
	}
	int rc = handle_open(fs, inode, &request, &h);
	if (rc < 0) {
		reply_status(req, rc);
		return;
	}
	if (fi->flags & O_TRUNC)
		metadata_wrote(fs, h->inode, fuse_req_ctx(req)->uid);
	set_file_info(fs, fi, h);
	store_small_value(fs, ino, h);
	if (fuse_reply_open(req, fi) == -ENOENT) /* interrupted: no RELEASE will come */
		handle_release(fs, h);
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct inode *dir = request_inode(req, parent);
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct create_request request = {
		.open = { .flags = fi->flags, .tid = ctx->pid, .uid = ctx->uid },
		.mode = mode,
		.uid = ctx->uid,
		.gid = directory_group(fs, dir, ctx->gid),
	};
	struct handle *h = NULL;
	struct attributes a;
	struct fuse_entry_param entry;

	if (control_is_reserved(fs, dir, key_of(name))) {
		reply_status(req, -EPERM);
		return;
	}
	int rc = handle_create(fs, dir, key_of(name), &request, &h);
	if (rc < 0) {
		reply_status(req, rc);
		return;
	}
	lookup_created(fs, dir, key_of(name), ctx->pid);
	inodes_lock(&fs->inodes);
	attributes_of_locked(fs, h->inode, request.open.tid, &a);
	inodes_unlock(&fs->inodes);
	set_file_info(fs, fi, h);
	reply_entry_param(fs, &a, &entry);
	struct inode *inode = h->inode;
	if (fuse_reply_create(req, &entry, fi) == -ENOENT) {
		handle_release(fs, h);
		reply_forget(fs, inode, 1);
	}
}

/* What a handle reads: not while others wait for this thread, if the disk has to be asked. */
static ssize_t read_handle(struct handle *h, void *buffer, size_t size, uint64_t offset)
{
	if (!h->value)
		return handle_read(h, buffer, size, offset);
	ssize_t n = value_try_read(h->value, buffer, size, offset);
	if (n != -EAGAIN)
		return n;
	waiting_begin();
	return handle_read(h, buffer, size, offset);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct handle *h = request_handle(fi);
	uint64_t start = (uint64_t)offset;
	const char *bytes = h->value ? value_bytes(h->value) : NULL;

	(void)ino;
	if (bytes) {
		uint64_t total = value_size(h->value), left = start < total ? total - start : 0;
		fuse_reply_buf(req, left ? bytes + start : NULL, left < size ? (size_t)left : size);
		return;
	}
	char *buffer = malloc(size ? size : 1);
	ssize_t n = buffer ? read_handle(h, buffer, size, start) : -ENOMEM;
	if (n < 0)
		reply_status(req, (int)n);
	else
		fuse_reply_buf(req, buffer, (size_t)n);
	free(buffer);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct handle *h = request_handle(fi);

	(void)ino;
	if (h->commands)
		control_write(fs, h, NULL, 0);
	/* Unlocked when everything is published, as in op_flush(). */
	uint64_t identity = h->inode->ino, posix_owner;
	bool has_flock = h->has_flock, has_posix = lock_close_ends(fs, h, &posix_owner);
	handle_release(fs, h);
	if (has_flock)
		file_locks_end_flock(fs->locks, identity, fi->lock_owner);
	if (has_posix)
		file_locks_end_posix(fs->locks, identity, posix_owner);
	reply_status(req, 0);
}
