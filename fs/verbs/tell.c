/* See tell.h. */
#include "verbs/tell.h"

#include <assert.h>

#include "base/waiting.h"

enum { NOTIFY_WAIT_MS = 100 };

void tell_name_locked(struct fs *fs, const struct name *name)
{
	assert(lock_is_held(&fs->inodes.lock));
	if (fs->notifier)
		notifier_inval_entry(fs->notifier, inode_id(&fs->inodes, name->dir), name->text,
				     name->size);
}

void tell_all(struct fs *fs)
{
	if (fs->notifier)
		notifier_inval_all(fs->notifier);
}

void tell_wait(struct fs *fs)
{
	waiting_begin();
	if (fs->notifier)
		notifier_flush(fs->notifier, NOTIFY_WAIT_MS);
}
