/* MKDIR, RMDIR, OPENDIR, READDIR, READDIRPLUS, RELEASEDIR, FSYNCDIR. */
#include "requests/ops.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "inspect/control.h"
#include "verbs/directory.h"
#include "inodes/key_escape.h"
#include "verbs/listing.h"
#include "verbs/lookup.h"
#include "requests/reply.h"

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct fs *fs = fs_of(req);
	struct inode *dir = request_inode(req, parent);
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct meta meta = {
		.mode = S_IFDIR | (mode & 07777),
		.uid = ctx->uid,
		.gid = directory_group(fs, dir, ctx->gid),
		.ino = inode_draw_ino(),
		.mtime = time_now(),
		.created_ms = time_wall_ms(fs->time),
	};

	meta.ctime = meta.mtime;
	inodes_lock(&fs->inodes);
	meta.mode |= dir->meta.mode & S_ISGID;
	inodes_unlock(&fs->inodes);
	int rc = control_is_reserved(fs, dir, key_of(name))
			 ? -EPERM
			 : directory_make(fs, dir, key_of(name), &meta);
	reply_created(req, dir, name, rc);
}

/* A caller in another pid namespace has no group but its own, as far as can be seen. */
static void read_emptier(fuse_req_t req, struct emptier *who)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	*who = (struct emptier){ .uid = ctx->uid, .gid = ctx->gid };
	if (who->uid == 0 || who->uid == fs_of(req)->uid)
		return;
	int count = fuse_req_getgroups(req, EMPTIER_GROUPS, who->groups);
	who->group_count = count < 0 ? 0 : count < EMPTIER_GROUPS ? (size_t)count : EMPTIER_GROUPS;
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct inode *dir = request_inode(req, parent);
	struct emptier who;

	read_emptier(req, &who);
	reply_status(req, control_is_reserved(fs, dir, key_of(name))
				  ? -EPERM
				  : directory_remove(fs, dir, key_of(name), &who));
}

/* NULL: `.cachefs` or `layers`, whose few names need no state. */
static struct listing *listing_of(const struct fuse_file_info *fi)
{
	return (struct listing *)(uintptr_t)fi->fh;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct inode *dir = request_inode(req, ino);
	struct listing *listing = NULL;
	int rc = dir->view->list ? listing_open(fs_of(req), dir, &listing) : 0;

	if (rc < 0) {
		reply_status(req, rc);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)listing;
	if (fuse_reply_open(req, fi) == -ENOENT && listing)
		listing_close(listing);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	if (listing_of(fi))
		listing_close(listing_of(fi));
	reply_status(req, 0);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	(void)fi;
	reply_status(req, layered_sync(fs_of(req)->cache));
}

/* A reply to READDIR or READDIRPLUS in the making. */
struct dir_reply {
	fuse_req_t req;
	struct fs *fs;
	struct inode *dir;
	bool plus;
	char *buffer;
	size_t size, used;
	struct inode *
		*given; /* inodes whose lookups this reply takes, to be taken back if it fails */
	size_t given_count, given_capacity;
};

/* False: it does not fit any more. */
static bool add_plain(struct dir_reply *r, const char *name, const struct fuse_entry_param *entry,
		      uint64_t cookie)
{
	size_t room = r->size - r->used, need;

	if (r->plus)
		need = fuse_add_direntry_plus(r->req, r->buffer + r->used, room, name, entry,
					      (off_t)cookie);
	else
		need = fuse_add_direntry(r->req, r->buffer + r->used, room, name, &entry->attr,
					 (off_t)cookie);
	if (need > room)
		return false;
	r->used += need;
	assert(r->used <= r->size);
	return true;
}

static bool add_dot(struct dir_reply *r, const char *name, uint64_t cookie)
{
	struct fuse_entry_param entry = { .attr = { .st_mode = S_IFDIR, .st_ino = 1 } };

	return add_plain(r, name, &entry, cookie);
}

/*
 * The inode for a listed child, with a lookup: only if nothing has changed under its name since the
 * layers were asked, and no writer is at it.
 */
static struct inode *inode_of_child_locked(struct dir_reply *r, const struct listing_entry *e)
{
	struct inodes *t = &r->fs->inodes;
	struct inode *inode = NULL;

	assert(lock_is_held(&t->lock));
	if (!e->meta || r->dir->removed ||
	    (t->clock != e->listed_at && !name_find_locked(t, r->dir, e->name)))
		return NULL;
	struct name *name = e->part.bytes ? name_get_part_locked(t, r->dir, e->name, e->part)
					  : name_get_locked(t, r->dir, e->name);
	if (!name)
		return NULL;
	bool steady = name->changed_at <= e->listed_at && !name->privates && name->publishing == 0;
	if (steady && S_ISDIR(e->type))
		inode = directory_inode_locked(&r->fs->inodes, name, e->meta);
	else if (steady)
		inode = name_version_locked(t, name, e->meta);
	if (inode)
		inode->lookups++;
	name_put_locked(t, name);
	return inode;
}

static void remember_given(struct dir_reply *r, struct inode *inode)
{
	if (r->given_count == r->given_capacity) {
		size_t capacity = r->given_capacity ? r->given_capacity * 2 : 64;
		struct inode **given = realloc(r->given, capacity * sizeof(struct inode *));
		if (!given)
			return; /* then it is not taken back: a small leak until the kernel forgets
				 */
		r->given = given;
		r->given_capacity = capacity;
	}
	r->given[r->given_count++] = inode;
}

static bool add_child(struct dir_reply *r, const struct listing_entry *e)
{
	struct inodes *t = &r->fs->inodes;
	struct fuse_entry_param entry = { .attr = { .st_mode = e->type, .st_ino = e->ino } };
	struct inode *inode = NULL;
	char name[KEY_COMPONENT_MAX + 1];

	memcpy(name, e->name.bytes, e->name.size);
	name[e->name.size] = '\0';
	if (r->plus && r->dir->kind == INODE_DIR) {
		struct attributes a;
		inodes_lock(t);
		inode = inode_of_child_locked(r, e);
		if (inode)
			attributes_of_locked(r->fs, inode, 0, &a);
		inodes_unlock(t);
		if (inode)
			reply_entry_param(r->fs, &a, &entry);
	}
	bool fits = add_plain(r, name, &entry, e->cookie);
	if (inode && fits)
		remember_given(r, inode);
	else if (inode)
		reply_forget(r->fs, inode, 1);
	return fits;
}

/* Cookies 1 and 2 stand behind "." and ".."; the listing has its own. */
static int fill_reply(struct dir_reply *r, struct listing *listing, uint64_t offset)
{
	struct listing_entry entry;
	int rc = 1;

	if (offset == 0) {
		listing_rewind(listing);
		if (!add_dot(r, ".", 1))
			return 0;
		offset = 1;
	}
	if (offset == 1) {
		if (!add_dot(r, "..", 2))
			return 0;
		offset = 2;
	}
	for (uint64_t cookie = offset > 2 ? offset : 0; rc == 1; cookie = entry.cookie) {
		rc = listing_at(listing, cookie, &entry);
		if (rc == 1 && !add_child(r, &entry))
			break;
	}
	return rc < 0 && r->used == 0 ? rc : 0;
}

static void fill_virtual(struct dir_reply *r, uint64_t offset)
{
	struct escape_text name;
	uint32_t mode;

	for (uint64_t i = offset; control_child(r->fs, r->dir, (size_t)i, &name, &mode); i++) {
		struct fuse_entry_param entry = { .attr = { .st_mode = mode, .st_ino = i + 3 } };
		if (!add_plain(r, name.bytes, &entry, i + 1))
			break;
	}
}

static void list_directory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
			   struct fuse_file_info *fi, bool plus)
{
	struct listing *listing = listing_of(fi);
	struct dir_reply r = { .req = req,
			       .fs = fs_of(req),
			       .dir = request_inode(req, ino),
			       .plus = plus,
			       .size = size };
	int rc = 0;

	r.buffer = malloc(size);
	if (!r.buffer)
		rc = -ENOMEM;
	else if (listing)
		rc = fill_reply(&r, listing, (uint64_t)offset);
	else
		fill_virtual(&r, (uint64_t)offset);
	if (rc < 0)
		reply_status(req, rc);
	else if (fuse_reply_buf(req, r.buffer, r.used) == -ENOENT)
		for (size_t i = 0; i < r.given_count; i++)
			reply_forget(r.fs, r.given[i], 1);
	free(r.given);
	free(r.buffer);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		struct fuse_file_info *fi)
{
	list_directory(req, ino, size, offset, fi, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	list_directory(req, ino, size, offset, fi, true);
}
