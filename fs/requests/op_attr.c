/* GETATTR, SETATTR, STATFS. */
#include "requests/ops.h"

#include <errno.h>
#include <sys/stat.h>

#include "inspect/control.h"
#include "inspect/usage.h"
#include "verbs/access_time.h"
#include "requests/birth.h"
#include "verbs/directory.h"
#include "verbs/handle_open.h"
#include "verbs/handle_write.h"
#include "verbs/answer.h"
#include "verbs/metadata.h"
#include "requests/reply.h"

static void reply_attributes(fuse_req_t req, struct inode *inode)
{
	struct attributes a;
	int rc = answer_attributes(fs_of(req), inode, request_tid(req), &a);

	if (rc < 0)
		reply_status(req, rc);
	else
		reply_attr(req, &a);
}

/* The inode as it stands: what was just changed is to be shown, whatever became of its name. */
static void reply_as_it_stands(fuse_req_t req, struct inode *inode)
{
	struct fs *fs = fs_of(req);
	struct attributes a;

	inodes_lock(&fs->inodes);
	attributes_of_locked(fs, inode, request_tid(req), &a);
	inodes_unlock(&fs->inodes);
	reply_attr(req, &a);
}

/* Birth and all. The kernel keeps a birth time as long as it has the inode. */
static void reply_statx(fuse_req_t req, struct inode *inode)
{
	struct fs *fs = fs_of(req);
	struct attributes a;
	int rc = answer_attributes(fs, inode, request_tid(req), &a);

	if (rc < 0) {
		reply_status(req, rc);
		return;
	}
	inodes_lock(&fs->inodes);
	if (inode->kind == INODE_FILE && inode_is_private(inode))
		inode->size_told = true; /* it is born with its publish: then by another inode */
	inode->birth_told = true;
	inodes_unlock(&fs->inodes);
	birth_tell(a.meta.created_ms);
	reply_attr(req, &a);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)fi;
	if (birth_is_asked())
		reply_statx(req, request_inode(req, ino));
	else
		reply_attributes(req, request_inode(req, ino));
}

struct stat_change {
	const struct fs *fs;
	const struct stat *attr;
	int to_set;
};

enum {
	SET_MTIME = FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW,
	SET_ATIME = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW,
};

static void apply_times(const struct stat_change *c, struct meta *meta)
{
	struct timespec atime = access_time(meta), now = meta->ctime;
	int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;

	if (c->to_set & FUSE_SET_ATTR_MTIME_NOW)
		meta->mtime = now;
	else if (c->to_set & FUSE_SET_ATTR_MTIME)
		meta->mtime = meta_time(c->attr->st_mtim);
	if (c->to_set & FUSE_SET_ATTR_ATIME_NOW)
		atime = now;
	else if (c->to_set & FUSE_SET_ATTR_ATIME)
		atime = c->attr->st_atim;
	if ((c->to_set & FUSE_SET_ATTR_ATIME_NOW) && (c->to_set & FUSE_SET_ATTR_MTIME_NOW))
		access_time_unset(meta); /* what it is without */
	else
		access_time_set(meta, atime, now_ms);
}

static int apply_stat(void *self, struct meta *meta)
{
	const struct stat_change *c = self;

	meta->ctime = time_now();
	if (c->to_set & FUSE_SET_ATTR_MODE)
		meta->mode = (meta->mode & S_IFMT) | (c->attr->st_mode & 07777);
	if (c->to_set & FUSE_SET_ATTR_UID)
		meta->uid = c->attr->st_uid;
	if (c->to_set & FUSE_SET_ATTR_GID)
		meta->gid = c->attr->st_gid;
	/* A new owner does not inherit set-uid and set-gid. The kernel leaves that to who says so
	 * (libfuse 3.14 does not pass it on: then it is done already). */
	if ((c->to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) &&
	    !(c->to_set & FUSE_SET_ATTR_MODE))
		meta->mode &= ~meta_privileges(meta);
	if (c->to_set & (SET_MTIME | SET_ATIME))
		apply_times(c, meta);
	return 0;
}

/* An entry of another program shows the mount's defaults; they become its own with the first
 * change. */
static int apply_stat_to_file(void *self, struct meta *meta)
{
	const struct stat_change *c = self;

	if (meta->mode == 0)
		fs_default_owner(c->fs, meta, S_IFREG);
	return apply_stat(self, meta);
}

static unsigned fields_of(int to_set)
{
	unsigned fields = 0;

	if (to_set & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		fields |= META_MODE;
	if (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		fields |= META_OWNER;
	if (to_set & SET_MTIME)
		fields |= META_TIMES;
	if (to_set & (SET_MTIME | SET_ATIME))
		fields |= META_XATTRS;
	/* touch(1); what cp -p and tar say of a file is not of now. */
	if (to_set & (FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_ATIME_NOW))
		fields |= META_USED;
	return fields;
}

static int take_privileges(void *self, struct meta *meta)
{
	(void)self;
	meta->mode &= ~meta_privileges(meta);
	return 0;
}

/* After a truncate; where the kernel did not take them itself. */
static int clear_privileges(fuse_req_t req, struct inode *inode, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct metadata_change change = { META_MODE, take_privileges, NULL };

	if (fi || fuse_req_ctx(req)->uid == 0) {
		metadata_wrote(fs, fi ? request_handle(fi)->inode : inode, fuse_req_ctx(req)->uid);
		return 0;
	}
	inodes_lock(&fs->inodes);
	bool any = meta_privileges(&inode->meta) != 0;
	inodes_unlock(&fs->inodes);
	return any ? metadata_change(fs, inode, request_tid(req), &change) : 0;
}

static int set_file_attributes(fuse_req_t req, struct inode *inode, const struct stat *attr,
			       int to_set, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct stat_change c = { fs, attr, to_set };
	struct metadata_change change = { fields_of(to_set), apply_stat_to_file, &c };
	int rc = 0;

	inodes_lock(&fs->inodes);
	if ((change.fields & META_MODE) && inode->meta.mode == 0)
		change.fields |= META_OWNER;
	inodes_unlock(&fs->inodes);
	if (to_set & FUSE_SET_ATTR_SIZE) {
		uint64_t size = (uint64_t)attr->st_size;
		if (fi)
			holders_note_writer(fs, request_handle(fi), request_caller(req, NULL));
		if (fi)
			rc = handle_truncate(fs, request_handle(fi), size);
		else
			rc = handle_truncate_path(fs, inode, size, request_tid(req),
						  fuse_req_ctx(req)->uid);
	}
	if (rc == 0 && change.fields)
		rc = metadata_change(fs, inode, request_tid(req), &change);
	if (rc == 0 && (to_set & FUSE_SET_ATTR_SIZE) && !(to_set & FUSE_SET_ATTR_MODE))
		rc = clear_privileges(req, inode, fi);
	return rc;
}

/* `>` truncates what it opens: accepted where writing is. */
static int refuse_virtual(const struct inode *inode)
{
	switch (inode->virtual_file) {
	case CONTROL_TAG:
	case CONTROL_COMMANDS:
		return 0;
	case CONTROL_VIEW:
		return -EROFS;
	default:
		return -EPERM;
	}
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct inode *inode = request_inode(req, ino);
	struct stat_change c = { fs, attr, to_set };
	int rc;

	if (inode->kind == INODE_VIRTUAL)
		rc = refuse_virtual(inode);
	else if (inode->kind == INODE_DIR)
		rc = directory_update(fs, inode, fields_of(to_set), apply_stat, &c);
	else
		rc = set_file_attributes(req, inode, attr, to_set, fi);
	if (rc < 0)
		reply_status(req, rc);
	else if (inode->kind == INODE_DIR)
		reply_attributes(req, inode);
	else
		reply_as_it_stands(req, inode);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	(void)ino;
	usage_show(fs_of(req), &st);
	fuse_reply_statfs(req, &st);
}
