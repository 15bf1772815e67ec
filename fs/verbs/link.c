/* See link.h. */
#include "verbs/link.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "verbs/answer.h"
#include "verbs/ask.h"

static int scratch_target(struct inode *inode, struct value **target)
{
	char text[PATH_MAX];

	inode_content_lock(inode);
	ssize_t n = working_copy_read(&inode->content.copy, text, sizeof(text) - 1, 0);
	inode_content_unlock(inode);
	if (n < 0)
		return (int)n;
	*target = value_copy(text, (size_t)n);
	return *target ? 0 : -ENOMEM;
}

static int entry_target(struct fs *fs, struct inode *inode, struct value **target)
{
	struct key_buffer key;
	struct meta meta = { 0 };
	struct entry_ask ask = { fs->cache, GET_COUNTED, target, &meta };
	struct name_read read = {
		.t = &fs->inodes, .inode = inode, .ask = ask_entry, .self = &ask, .key = &key
	};
	int rc = name_read(&read);

	if (rc == 0 && !S_ISLNK(meta.mode)) {
		value_unref(*target);
		*target = NULL;
		rc = -ENOENT; /* a file has its name by now */
	}
	meta_fini(&meta);
	return rc;
}

int link_target(struct fs *fs, struct inode *inode, pid_t tid, struct value **target)
{
	*target = NULL;
	inodes_lock(&fs->inodes);
	bool scratch = inode_is_scratch(inode);
	inodes_unlock(&fs->inodes);
	if (scratch)
		return scratch_target(inode, target);
	int rc = entry_target(fs, inode, target);
	if (rc == -ENOENT && answer_gone(fs, inode, tid) == -ESTALE)
		rc = -ESTALE;
	return rc;
}
