/* UNLINK, RENAME, SYMLINK, READLINK, LINK, MKNOD. */
#include "requests/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "inspect/control.h"
#include "verbs/directory.h"
#include "verbs/handle_close.h"
#include "verbs/handle_open.h"
#include "verbs/lookup.h"
#include "verbs/rename.h"
#include "requests/reply.h"
#include "verbs/scratch.h"
#include "verbs/scratch_name.h"

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct inode *dir = request_inode(req, parent);

	reply_status(req, control_is_reserved(fs, dir, key_of(name))
				  ? -EPERM
				  : unlink_entry(fs, dir, key_of(name)));
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
	       const char *newname, unsigned flags)
{
	struct fs *fs = fs_of(req);
	struct rename_end from = { request_inode(req, parent), key_of(name) };
	struct rename_end to = { request_inode(req, newparent), key_of(newname) };
	int rc = -EPERM;

	if (!control_is_reserved(fs, from.dir, from.name) &&
	    !control_is_reserved(fs, to.dir, to.name))
		rc = rename_entry(fs, &from, &to, flags);
	if (rc == 0)
		lookup_created(fs, to.dir, to.name, request_tid(req));
	reply_status(req, rc);
}

/* --- symbolic links: entries whose value is the target ------------------------------------------
 */

struct symlinking {
	struct fs *fs;
	struct name *name;
	struct key_buffer key;
	const char *target;
	struct meta meta;
};

static int symlink_prepare(void *self, const struct meta *now, struct value **value,
			   struct meta *meta)
{
	struct symlinking *s = self;

	inodes_lock(&s->fs->inodes);
	int rc = name_check_key_locked(&s->fs->inodes, s->name,
				       key_make(s->key.bytes, s->key.size));
	bool taken = now || name_pending_locked(s->name);
	inodes_unlock(&s->fs->inodes);
	if (rc < 0 || taken)
		return rc < 0 ? rc : -EEXIST;
	*value = value_copy(s->target, strlen(s->target));
	meta_copy(meta, &s->meta);
	return *value ? 0 : -ENOMEM;
}

static void symlink_done(void *self, int rc, const struct meta *stored)
{
	struct symlinking *s = self;

	(void)stored;
	if (rc < 0)
		return;
	inodes_lock(&s->fs->inodes);
	s->name->dir->dir_mtime = time_now();
	name_touch_locked(&s->fs->inodes, s->name);
	inodes_unlock(&s->fs->inodes);
}

static int store_symlink(struct symlinking *s)
{
	struct layered_change change = { symlink_prepare, symlink_done, s };
	struct inodes *t = &s->fs->inodes;

	inodes_lock(t);
	int rc = name_key_locked(t, s->name, &s->key);
	s->meta.own = end_of_wish(inode_default_end_locked(s->name->dir),
				  time_instant(s->fs->time));
	inodes_unlock(t);
	return rc < 0 ? rc
		      : layered_set(s->fs->cache, key_make(s->key.bytes, s->key.size), &change);
}

static int make_symlink(struct symlinking *s, struct inode *dir, struct key text)
{
	struct inodes *t = &s->fs->inodes;
	int rc = -ENOENT;

	inodes_lock(t);
	s->name = dir->removed ? NULL : name_get_locked(t, dir, text);
	inodes_unlock(t);
	if (s->name && scratch_is_name(s->fs->conf->scratch_names, text))
		rc = scratch_symlink(s->fs, s->name, &s->meta, s->target);
	else if (s->name)
		while ((rc = store_symlink(s)) == -EAGAIN)
			;
	inodes_lock(t);
	if (s->name)
		name_put_locked(t, s->name);
	inodes_unlock(t);
	return rc;
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct inode *dir = request_inode(req, parent);
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct symlinking s = { .fs = fs, .target = target };

	s.meta = (struct meta){
		.mode = S_IFLNK | 0777,
		.uid = ctx->uid,
		.gid = directory_group(fs, dir, ctx->gid),
		.ino = inode_draw_ino(),
		.version = 1,
		.mtime = time_now(),
		.created_ms = time_wall_ms(fs->time),
	};
	s.meta.ctime = s.meta.mtime;
	int rc = control_is_reserved(fs, dir, key_of(name)) ? -EPERM
							    : make_symlink(&s, dir, key_of(name));
	reply_created(req, dir, name, rc);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct inode *inode = request_inode(req, ino);
	struct value *value = NULL;
	char target[PATH_MAX];
	int rc = -EINVAL;

	if (inode->view->link)
		rc = inode->view->link(fs_of(req), inode, request_tid(req), &value);
	if (rc == 0) {
		ssize_t n = value_read(value, target, sizeof(target) - 1, 0);
		rc = n < 0 ? (int)n : 0;
		target[n < 0 ? 0 : n] = '\0';
	}
	value_unref(value);
	if (rc < 0)
		reply_status(req, rc);
	else
		fuse_reply_readlink(req, target);
}

/* --- what a cache does not have --------------------------------------------------------------- */

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
	(void)ino;
	(void)newparent;
	(void)newname;
	reply_status(req, -EPERM);
}

/* mknod of a regular file is a create that is closed at once. */
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct fs *fs = fs_of(req);
	struct inode *dir = request_inode(req, parent);
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct create_request request = {
		.open = { .flags = O_RDONLY | O_CREAT | O_EXCL, .tid = ctx->pid, .uid = ctx->uid },
		.mode = mode,
		.uid = ctx->uid,
		.gid = directory_group(fs, dir, ctx->gid),
	};
	struct handle *h = NULL;
	struct attributes a;

	(void)rdev;
	int rc = S_ISREG(mode) && !control_is_reserved(fs, dir, key_of(name)) ? 0 : -EPERM;
	if (rc == 0)
		rc = handle_create(fs, dir, key_of(name), &request, &h);
	if (rc < 0) {
		reply_status(req, rc);
		return;
	}
	struct inode *inode = h->inode;
	rc = handle_flush(fs, h, request_caller(req, NULL)); /* says so if it could not be stored */
	handle_release(fs, h);
	if (rc < 0) {
		reply_forget(fs, inode, 1);
		reply_status(req, rc);
		return;
	}
	inodes_lock(&fs->inodes);
	if (inode->state == INODE_VERSION)
		inode_note_made_locked(&fs->inodes, inode);
	attributes_of_locked(fs, inode, ctx->pid, &a);
	inodes_unlock(&fs->inodes);
	reply_entry(req, &a);
}
