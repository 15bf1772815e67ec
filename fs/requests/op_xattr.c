/* SETXATTR, GETXATTR, LISTXATTR, REMOVEXATTR: the user's attributes, and those with facts of the
 * cache. */
#include "requests/ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "verbs/access_time.h"
#include "inspect/control.h"
#include "inspect/control_layers.h"
#include "verbs/directory.h"
#include "verbs/end_text.h"
#include "inspect/facts.h"
#include "verbs/metadata.h"
#include "requests/reply.h"

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
	return metadata_set_end(fs, inode, request_tid(req), wish,
				c->value ? c->flags : XATTR_REPLACE);
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

static void reply_bytes(fuse_req_t req, const void *bytes, size_t length, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, length);
	else if (length > size)
		reply_status(req, -ERANGE);
	else
		fuse_reply_buf(req, bytes, length);
}

/* One of ours. */
static int own_text(fuse_req_t req, struct inode *inode, const struct meta *meta, const char *own,
		    char **text)
{
	struct fs *fs = fs_of(req);

	switch (inode->kind) {
	case INODE_DIR:
		return facts_of_directory(fs, inode, meta, own, text);
	case INODE_VIRTUAL:
		return facts_of_copy(fs, meta, own, text);
	case INODE_FILE:
		break;
	}
	return facts_of_file(fs, inode, request_tid(req), meta, own, text);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct fs *fs = fs_of(req);
	struct inode *inode = request_inode(req, ino);
	struct meta meta = { 0 };
	char *text = NULL;
	size_t length = 0;
	const void *bytes = NULL;

	if (!fs->conf->xattr) { /* the kernel asks no more */
		reply_status(req, -ENOSYS);
		return;
	}
	/* The kernel asks for security.capability with writes: answered without a look. */
	if (!has_prefix(name, "user.") || !inode->view->peek) {
		reply_status(req, -ENODATA);
		return;
	}
	int rc = inode->view->peek(fs, inode, request_tid(req), &meta);
	/* A directory keeps those of ours that it understands with its marker. */
	if (rc == 0 && (!own_name(name) || S_ISDIR(meta.mode)))
		bytes = xattrs_find(meta.xattrs, name, &length);
	if (rc == 0 && !bytes) {
		rc = own_name(name) ? own_text(req, inode, &meta, own_name(name), &text) : -ENODATA;
		bytes = text;
		length = rc == 0 ? strlen(text) : 0;
	}
	if (rc < 0)
		reply_status(req, rc);
	else
		reply_bytes(req, bytes, length, size);
	free(text);
	meta_fini(&meta);
}

/* --- listing ---------------------------------------------------------------------------------- */

static void add_name(FILE *list, const char *prefix, const char *name)
{
	fprintf(list, "%s%s%c", prefix, name, '\0');
}

/*
 * Only what a copy of the file should carry: the moment of the entry's own end, and the user's own.
 * Of what one layer has, all.
 */
static void add_names(FILE *list, const struct inode *inode, const struct meta *meta)
{
	const char *name;

	if (inode->kind == INODE_FILE && end_comes(meta->own))
		add_name(list, OWN_PREFIX, "expires_at");
	for (size_t i = 0; inode->kind == INODE_VIRTUAL && (name = facts_copy_name(meta, i)); i++)
		add_name(list, OWN_PREFIX, name);
	for (size_t i = 0; (name = xattrs_name(meta->xattrs, i)); i++)
		if (!access_time_is_attribute(name))
			add_name(list, "", name);
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct fs *fs = fs_of(req);
	struct inode *inode = request_inode(req, ino);
	struct meta meta = { 0 };
	char *text = NULL;
	size_t length = 0;
	int rc = fs->conf->xattr ? 0 : -ENOSYS;

	if (rc == 0 && inode->view->peek)
		rc = inode->view->peek(fs, inode, request_tid(req), &meta);
	FILE *list = rc == 0 ? open_memstream(&text, &length) : NULL;
	if (list)
		add_names(list, inode, &meta);
	if (rc == 0 && (!list || fclose(list) != 0))
		rc = -ENOMEM;
	if (rc < 0)
		reply_status(req, rc);
	else
		reply_bytes(req, text, length, size);
	free(text);
	meta_fini(&meta);
}
