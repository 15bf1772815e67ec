/* See reply.h. */
#include "requests/reply.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>

#include "verbs/access_time.h"

static void fill_stat(const struct attributes *a, struct stat *st)
{
	*st = (struct stat){
		.st_ino = a->ino,
		.st_mode = a->meta.mode,
		.st_nlink = a->nlink,
		.st_uid = a->meta.uid,
		.st_gid = a->meta.gid,
		.st_size = (off_t)a->meta.size,
		.st_blksize = 4096,
		.st_blocks = (blkcnt_t)((a->meta.size + 511) / 512),
		.st_mtim = a->meta.mtime,
		.st_ctim = a->meta.ctime,
		.st_atim = access_time(&a->meta),
	};
}

static double seconds(int64_t ms)
{
	return (double)ms / 1000.0;
}

void reply_entry_param(struct fs *fs, struct attributes *a, struct fuse_entry_param *entry)
{
	assert(a->inode != NULL);
	*entry = (struct fuse_entry_param){
		.ino = inode_id(&fs->inodes, a->inode),
		.attr_timeout = seconds(a->attr_timeout_ms),
		.entry_timeout = seconds(a->entry_timeout_ms),
	};
	fill_stat(a, &entry->attr);
	meta_fini(&a->meta);
}

void reply_forget(struct fs *fs, struct inode *inode, uint64_t lookups)
{
	inodes_lock(&fs->inodes);
	inode_forget_locked(&fs->inodes, inode, lookups);
	inodes_unlock(&fs->inodes);
}

void reply_entry(fuse_req_t req, struct attributes *a)
{
	struct fs *fs = fs_of(req);
	struct fuse_entry_param entry;

	reply_entry_param(fs, a, &entry);
	if (fuse_reply_entry(req, &entry) == -ENOENT)
		reply_forget(fs, a->inode, 1);
}

void reply_created(fuse_req_t req, struct inode *dir, const char *name, int rc)
{
	struct fs *fs = fs_of(req);
	struct attributes a;

	if (rc == 0) {
		lookup_created(fs, dir, key_of(name), request_tid(req));
		rc = lookup(fs, dir, key_of(name), request_tid(req), &a);
	}
	if (rc < 0)
		reply_status(req, rc);
	else
		reply_entry(req, &a);
}

void reply_attr(fuse_req_t req, struct attributes *a)
{
	struct stat st;
	double timeout = seconds(a->attr_timeout_ms);

	fill_stat(a, &st);
	meta_fini(&a->meta);
	fuse_reply_attr(req, &st, timeout);
}

/*
 * What an errno of the daemon means to a program. A layer's words are for other layers (what is
 * damaged is a miss long before, what has changed meanwhile was tried again), and the kernel takes
 * some for its own: a lock that fails with EINTR and no signal is "Unknown error 512" to who asked,
 * and what is 512 or more is no answer at all.
 */
int reply_errno(int rc)
{
	switch (-rc) {
	case EINTR:        /* of a system call of ours */
	case EAGAIN:       /* nobody asked not to wait */
	case ECANCELED:    /* admission and changes */
	case EALREADY:     /* likewise */
	case EINPROGRESS:  /* a wait for a lock */
	case EHOSTDOWN:    /* a layer that is down */
	case ECONNABORTED: /* and what its connection said */
	case ENOTCONN:
	case EBADMSG: /* damage */
	case EUCLEAN:
	case EMSGSIZE:
	case ENOMSG:
		return -EIO;
	default:
		return rc <= -512 || rc > 0 ? -EIO : rc;
	}
}

void reply_status(fuse_req_t req, int rc)
{
	fuse_reply_err(req, -reply_errno(rc));
}

void reply_lock(fuse_req_t req, int rc)
{
	bool known = rc == -EAGAIN || rc == -EINTR;

	fuse_reply_err(req, -(known ? rc : reply_errno(rc)));
}
