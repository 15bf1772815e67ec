/* SETXATTR, GETXATTR, LISTXATTR, REMOVEXATTR: the user's own, and those that tell of the cache. */
#include "ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "access_time.h"
#include "directory.h"
#include "end_text.h"
#include "lookup.h"
#include "metadata.h"
#include "reply.h"

#define OWN_PREFIX "user.cachefs."

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *own_name(const char *name)
{
	return has_prefix(name, OWN_PREFIX) ? name + strlen(OWN_PREFIX) : NULL;
}

/* Which of the two names an end has. */
static bool is_ttl(const char *own)
{
	return strcmp(own, "ttl") == 0;
}

static bool is_moment(const char *own)
{
	return strcmp(own, "expires_at") == 0;
}

/* --- changes ---------------------------------------------------------------------------------- */

struct xattr_change {
	const char *name;
	const void *value; /* NULL: remove */
	size_t size;
	int flags;
};

static int change_xattr(void *self, struct meta *meta)
{
	const struct xattr_change *c = self;
	struct xattrs *changed = NULL;
	size_t size;
	bool exists = xattrs_find(meta->xattrs, c->name, &size) != NULL;

	if ((c->flags & XATTR_CREATE) && exists)
		return -EEXIST;
	if (((c->flags & XATTR_REPLACE) || !c->value) && !exists)
		return -ENODATA;
	int rc = c->value ? xattrs_with(meta->xattrs, c->name, c->value, c->size, &changed)
			  : xattrs_without(meta->xattrs, c->name, &changed);
	if (rc < 0)
		return rc;
	xattrs_unref(meta->xattrs);
	meta->xattrs = changed;
	return 0;
}

static int store_xattr(struct fs *fs, struct inode *inode, pid_t tid, struct xattr_change *c)
{
	struct metadata_change change = { META_XATTRS, change_xattr, c };

	if (inode->kind == INODE_DIR)
		return directory_update(fs, inode, META_XATTRS, change_xattr, c);
	return metadata_change(fs, inode, tid, &change);
}

/* What a change of one of ours asks for. Of a file; a directory keeps what it understands with its
 * marker. */
static int read_own(const struct inode *inode, const struct xattr_change *c, struct end *wish)
{
	const char *own = own_name(c->name), *value = c->value;
	size_t size = c->size;

	*wish = end_none();
	if (is_ttl(own))
		return value ? end_text_read_ttl(value, size, wish) : 0;
	if (is_moment(own) && inode->kind != INODE_DIR)
		return value ? end_text_read_moment(value, size, wish) : 0;
	if (strcmp(own, "rmdir") != 0 || inode->kind != INODE_DIR)
		return -EPERM;
	if (value && !(size == 10 && memcmp(value, "empty_only", 10) == 0) &&
	    !(size == 17 && memcmp(value, "invalidate_prefix", 17) == 0))
		return -EINVAL;
	return 0;
}

static int set_xattr(fuse_req_t req, struct inode *inode, struct xattr_change *c)
{
	struct fs *fs = fs_of(req);
	struct end wish;

	if (!fs->conf->xattr || inode->kind == INODE_VIRTUAL || !has_prefix(c->name, "user."))
		return -EOPNOTSUPP;
	int rc = own_name(c->name) ? read_own(inode, c, &wish) : 0;
	if (rc < 0)
		return rc;
	if (!own_name(c->name) || inode->kind == INODE_DIR)
		return store_xattr(fs, inode, request_tid(req), c);
	return metadata_set_end(fs, inode, request_tid(req), wish);
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags)
{
	struct xattr_change c = { name, value ? value : "", size, flags };

	reply_status(req, set_xattr(req, request_inode(req, ino), &c));
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct xattr_change c = { .name = name };

	reply_status(req, set_xattr(req, request_inode(req, ino), &c));
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The end that the mount will show: in seconds from now, or in Unix time. -ENODATA: none. */
static int end_text(fuse_req_t req, struct inode *inode, const char *name, char *text, size_t size)
{
	struct fs *fs = fs_of(req);
	struct end own, end;
	int rc = metadata_end(fs, inode, request_tid(req), &own, &end);
	struct instant now = time_instant(fs->time);

	if (rc < 0)
		return rc;
	if (end_comes(end)) {
		int64_t left_ms = end_left_ms(end, now);
		end_text_write(text, size,
			       is_moment(name) ? end_wall_ms(end, now)
			       : left_ms > 0   ? left_ms
					       : 0);
	} else if (end_kind(own) == END_NEVER) {
		snprintf(text, size, "never");
	} else {
		return -ENODATA;
	}
	return 0;
}

static int holders_of(struct fs *fs, struct inode *inode, char *text, size_t size)
{
	struct key_buffer key;

	inodes_lock(&fs->inodes);
	int rc = inode_key_locked(&fs->inodes, inode, &key);
	inodes_unlock(&fs->inodes);
	return rc < 0 ? rc : layered_holders(fs->cache, key_make(key.bytes, key.size), text, size);
}

/* One of ours, as text. */
static int own_text(fuse_req_t req, struct inode *inode, const struct meta *meta, const char *own,
		    char *text, size_t size)
{
	int rc = 0;

	if (is_ttl(own) || is_moment(own))
		rc = end_text(req, inode, own, text, size);
	else if (strcmp(own, "created") == 0)
		end_text_write(text, size, meta->created_ms);
	else if (strcmp(own, "hits") == 0)
		snprintf(text, size, "%llu", (unsigned long long)meta->hits);
	else if (strcmp(own, "version") == 0)
		snprintf(text, size, "%llu", (unsigned long long)meta->version);
	else if (strcmp(own, "layers") == 0 || strcmp(own, "layer") == 0)
		rc = holders_of(fs_of(req), inode, text, size);
	else
		rc = -ENODATA;
	if (rc == 0 && strcmp(own, "layer") == 0)
		text[strcspn(text, ",")] = '\0';
	return rc == -ENOENT ? -ENODATA : rc;
}

static void reply_bytes(fuse_req_t req, const void *bytes, size_t length, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, length);
	else if (length > size)
		reply_status(req, -ERANGE);
	else
		fuse_reply_buf(req, bytes, length);
}

static int peek(struct fs *fs, struct inode *inode, pid_t tid, struct meta *meta)
{
	return inode->kind == INODE_DIR ? directory_stat(fs, inode, meta)
					: metadata_peek(fs, inode, tid, meta);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct fs *fs = fs_of(req);
	struct inode *inode = request_inode(req, ino);
	struct meta meta = { 0 };
	char text[512] = "";
	size_t length = 0;
	const void *bytes = NULL;

	if (!fs->conf->xattr) { /* the kernel asks no more */
		reply_status(req, -ENOSYS);
		return;
	}
	/* The kernel asks for security.capability with writes: answered without a look. */
	if (!has_prefix(name, "user.") || inode->kind == INODE_VIRTUAL) {
		reply_status(req, -ENODATA);
		return;
	}
	int rc = peek(fs, inode, request_tid(req), &meta);
	if (rc == 0 && own_name(name) && inode->kind != INODE_DIR) {
		rc = own_text(req, inode, &meta, own_name(name), text, sizeof(text));
		bytes = text;
		length = strlen(text);
	} else if (rc == 0) {
		bytes = xattrs_find(meta.xattrs, name, &length);
		rc = bytes ? 0 : -ENODATA;
	}
	if (rc < 0)
		reply_status(req, rc);
	else
		reply_bytes(req, bytes, length, size);
	meta_fini(&meta);
}

/* Only what a copy should carry: the moment of the entry's own end, and the user's own. */
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	static const char moment[] = OWN_PREFIX "expires_at";
	struct fs *fs = fs_of(req);
	struct inode *inode = request_inode(req, ino);
	struct meta meta = { 0 };
	size_t length = 0;
	int rc = fs->conf->xattr ? 0 : -ENOSYS;

	if (rc == 0 && inode->kind != INODE_VIRTUAL)
		rc = peek(fs, inode, request_tid(req), &meta);
	char *list = malloc(XATTRS_MAX_BYTES + sizeof(moment));
	if (!list)
		rc = -ENOMEM;
	if (rc == 0 && inode->kind == INODE_FILE && end_comes(meta.own)) {
		memcpy(list, moment, sizeof(moment));
		length = sizeof(moment);
	}
	const char *name;
	for (size_t i = 0; rc == 0 && (name = xattrs_name(meta.xattrs, i)); i++) {
		if (access_time_is_attribute(name))
			continue;
		size_t n = strlen(name) + 1;
		memcpy(list + length, name, n);
		length += n;
	}
	if (rc < 0)
		reply_status(req, rc);
	else
		reply_bytes(req, list, length, size);
	free(list);
	meta_fini(&meta);
}
