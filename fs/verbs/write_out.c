/* See write_out.h. */
#include "verbs/write_out.h"

#include <errno.h>

#include "verbs/publish.h"
#include "verbs/scratch.h"
#include "verbs/scratch_expire.h"
#include "verbs/scratch_name.h"

/* What to write the inode out means: of a scratch file no more than that the layers forget what it
 * was, and if they do not, it still is what it is. */
enum purpose { PURPOSE_NOTHING, PURPOSE_SET, PURPOSE_ADOPT, PURPOSE_WITHDRAW };

static enum purpose purpose_of(struct fs *fs, const struct inode *inode)
{
	enum purpose purpose = PURPOSE_SET;

	inodes_lock(&fs->inodes);
	const struct name *name = inode->name;
	if (name && inode_is_scratch(inode) && inode->scratch.has_copy &&
	    inode_is_unstored_locked(inode))
		purpose = PURPOSE_WITHDRAW;
	else if (!name || inode_is_scratch(inode))
		purpose = PURPOSE_NOTHING;
	else if (scratch_has_name(fs, name))
		purpose = PURPOSE_ADOPT;
	inodes_unlock(&fs->inodes);
	return purpose;
}

/* One try: -EAGAIN: it was renamed meanwhile, perhaps to or from a scratch name. */
static int write_out_once(struct fs *fs, struct inode *inode)
{
	struct key_buffer buffer;
	int rc = inode_key(&fs->inodes, inode, &buffer);

	if (rc < 0)
		return rc;
	struct key key = key_make(buffer.bytes, buffer.size);
	switch (purpose_of(fs, inode)) {
	case PURPOSE_SET:
		return publish(fs, inode, key);
	case PURPOSE_ADOPT:
		return scratch_adopt(fs, inode, key);
	case PURPOSE_WITHDRAW:
		scratch_withdraw(fs, inode);
		return 0;
	case PURPOSE_NOTHING:
	default:
		return 0;
	}
}

int write_out(struct fs *fs, struct inode *inode)
{
	int rc;

	do {
		rc = write_out_once(fs, inode);
	} while (rc == -EAGAIN);
	return rc == -ECANCELED || rc == -ENOENT ? 0 : rc;
}
