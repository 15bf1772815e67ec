/* See attributes.h. */
#include "verbs/attributes.h"

#include <assert.h>
#include <sys/stat.h>

/* The kernel rounds timeouts up to its clock's tick; an expired entry must not be served for that
 * long. */
enum { EXPIRY_MARGIN_MS = 10 };

void attributes_of_undated(const struct fs *fs, struct meta *m)
{
	if (m->mtime.tv_sec == 0 && m->ctime.tv_sec == 0)
		m->mtime = m->ctime = fs->started;
}

static int64_t until_end(const struct fs *fs, struct end end, int64_t timeout_ms)
{
	if (!end_comes(end))
		return timeout_ms;
	int64_t left = end_left_ms(end, time_instant(fs->time)) - EXPIRY_MARGIN_MS;
	if (left < 0)
		left = 0;
	return left < timeout_ms ? left : timeout_ms;
}

static void private_attributes_locked(struct inode *inode, pid_t tid, struct attributes *out)
{
	assert(lock_is_held(&inode->table->lock));
	out->attr_timeout_ms = 0;
	if (inode_is_scratch(inode) && inode->writers == 0)
		return; /* that is its size until it is opened again, which counts as told */
	if (tid == 0 || tid != inode->owner)
		inode->size_told = true;
}

void attributes_of_directory_locked(struct fs *fs, struct inode *inode, pid_t tid,
				    struct attributes *out)
{
	struct meta *m = &out->meta;
	struct key_buffer key;

	assert(lock_is_held(&fs->inodes.lock));
	(void)tid;
	if (m->mode == 0) {
		/* A prefix without marker goes with its last key, which the kernel cannot know. */
		if (inode != &fs->inodes.root)
			out->attr_timeout_ms = out->entry_timeout_ms = 0;
		fs_default_directory(fs, m, inode == &fs->inodes.root);
	}
	if (inode == &fs->inodes.root)
		out->ino = 1;
	else if (m->ino != 0)
		out->ino = m->ino;
	else if (inode_key_locked(&fs->inodes, inode, &key) == 0)
		out->ino = inode_ino_of_key(key_make(key.bytes, key.size), true);
	inode->ino = out->ino; /* what it shows when it is removed */
	if (inode->dir_mtime.tv_sec != 0) {
		m->mtime = inode->dir_mtime;
		if (time_is_later(&inode->dir_mtime, &m->ctime))
			m->ctime = inode->dir_mtime;
	}
	out->nlink = inode->removed ? 0 : 1;
	attributes_of_undated(fs, m);
	assert(S_ISDIR(m->mode));
}

void attributes_of_file_locked(struct fs *fs, struct inode *inode, pid_t tid,
			       struct attributes *out)
{
	assert(lock_is_held(&fs->inodes.lock));
	if (out->meta.mode == 0)
		fs_default_owner(fs, &out->meta, S_IFREG);
	assert(!S_ISDIR(out->meta.mode) && (out->meta.mode & S_IFMT));
	if (inode_is_private(inode) && inode->content.live)
		private_attributes_locked(inode, tid, out);
	out->entry_timeout_ms = until_end(fs, inode->meta.copy, out->entry_timeout_ms);
	out->attr_timeout_ms = until_end(fs, inode->meta.copy, out->attr_timeout_ms);
	if (inode_is_private(inode))
		out->entry_timeout_ms = inode_is_scratch(inode)
						? until_end(fs, inode_scratch_end_locked(inode),
							    fs->conf->entry_timeout_ms)
						: fs->conf->entry_timeout_ms;
	if (inode->state == INODE_STALE)
		out->attr_timeout_ms = 0;
}

void attributes_of_locked(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out)
{
	assert(lock_is_held(&fs->inodes.lock));
	*out = (struct attributes){ .inode = inode,
				    .ino = inode->ino,
				    .nlink = inode->name ? 1 : 0 };
	meta_copy(&out->meta, &inode->meta);
	out->entry_timeout_ms = fs->conf->entry_timeout_ms;
	out->attr_timeout_ms = fs->conf->attr_timeout_ms;
	inode->view->attributes_locked(fs, inode, tid, out);
}
