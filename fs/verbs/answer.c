/* See answer.h. */
#include "verbs/answer.h"

#include <assert.h>
#include <errno.h>

#include "inodes/ticket.h"
#include "verbs/directory.h"
#include "verbs/found.h"

/* Whether the thread was refused once already for this stat, chmod, ...: then the inode is good
 * enough. */
static bool is_second_try_locked(struct fs *fs, struct inode *inode, pid_t tid)
{
	assert(lock_is_held(&fs->inodes.lock));
	for (struct ticket *ticket = fs->inodes.tickets; ticket; ticket = ticket->next) {
		if (ticket->tid == tid && ticket->kind == TICKET_ATTR && ticket->looked_up &&
		    inode->name && ticket->name == inode->name) {
			ticket_end_locked(&fs->inodes, ticket);
			return true;
		}
	}
	return false;
}

void answer_recheck(struct fs *fs, struct inode *inode)
{
	struct inodes *t = &fs->inodes;
	struct key_buffer key;
	struct meta meta = { 0 };

	inodes_lock(t);
	uint64_t at = t->clock;
	bool is_version = inode->kind == INODE_FILE && inode->state == INODE_VERSION &&
			  inode_key_locked(t, inode, &key) == 0;
	inodes_unlock(t);
	if (!is_version)
		return;
	int rc = layered_stat(fs->cache, key_make(key.bytes, key.size), &meta);
	inodes_lock(t);
	if (inode->state == INODE_VERSION && inode->name && inode->name->changed_at <= at) {
		if (rc == 0 && meta_same_value(&meta, &inode->meta))
			name_version_locked(t, inode->name, &meta);
		else
			inode_retire_locked(t, inode);
	}
	inodes_bury_meta_locked(t, &meta);
	inodes_unlock(t);
}

/*
 * Current, or somebody has it open: then fstat and stat look the same. Or it was unlinked: the
 * kernel dropped the name then, so whoever asks had found it before.
 */
static bool presents_itself_locked(const struct inode *inode)
{
	const struct name *name = inode->name ? inode->name : inode->former;
	bool unlinked = name && (!inode->name || name->unlinked) && !name->dir->removed;

	assert(lock_is_held(&inode->table->lock));
	return inode->state == INODE_VERSION || inode_is_scratch(inode) ||
	       !inode_is_idle_locked(inode) || unlinked;
}

bool answer_serves_locked(struct fs *fs, struct inode *inode, pid_t tid)
{
	assert(lock_is_held(&fs->inodes.lock));
	if (presents_itself_locked(inode) || is_second_try_locked(fs, inode, tid))
		return true;
	ticket_issue_locked(&fs->inodes, tid, TICKET_ATTR, inode, NULL, NULL, 0,
			    time_mono_ms(fs->time));
	return false;
}

int answer_gone(struct fs *fs, struct inode *inode, pid_t tid)
{
	struct inodes *t = &fs->inodes;
	int rc = 0;

	inodes_lock(t);
	/* What the name led to was this; so it leads to nothing now. */
	bool current = inode->state == INODE_VERSION && !name_pending_locked(inode->name);
	inode_retire_locked(t, inode);
	if (!presents_itself_locked(inode))
		rc = current || answer_serves_locked(fs, inode, tid) ? -ENOENT : -ESTALE;
	inodes_unlock(t);
	return rc;
}

/*
 * The attributes of what the name of a stale inode leads to now; -ESTALE: to nothing, or to
 * something of another type, which the kernel has to look up. To say ESTALE whenever the inode is
 * stale would be simpler; but with default_permissions the kernel asks for the mode inside open(2),
 * and the retry spent on that would be missing for the OPEN that follows.
 */
static int successor_attributes_locked(struct fs *fs, struct inode *inode, pid_t tid,
				       struct attributes *out)
{
	struct inodes *t = &fs->inodes;
	struct finding f = { .fs = fs, .t = t, .name = inode->name, .tid = tid };
	struct inode *successor = NULL;
	struct meta meta = { 0 };
	enum found found = FOUND_NOTHING;

	assert(lock_is_held(&fs->inodes.lock));
	if (!f.name)
		return -ESTALE;
	name_ref_locked(f.name);
	int rc = found_locked(&f, &found, &meta);
	if (rc == 0 && found == FOUND_ENTRY)
		successor = name_version_locked(t, f.name, &meta);
	else if (rc == 0 && found == FOUND_NOTHING)
		successor = name_pending_locked(f.name);
	if (!successor || found_type(&successor->meta) != found_type(&inode->meta))
		rc = -ESTALE;
	if (rc == 0) {
		inode_pin_locked(successor);
		attributes_of_locked(fs, successor, tid, out);
		out->attr_timeout_ms = 0;
		inode_unpin_locked(t, successor);
	}
	name_put_locked(t, f.name);
	inodes_bury_meta_locked(t, &meta);
	return rc;
}

int answer_directory_attributes(struct fs *fs, struct inode *dir, pid_t tid, struct attributes *out)
{
	struct meta meta = { 0 };
	int rc = directory_stat(fs, dir, &meta);

	inodes_lock(&fs->inodes);
	if (rc == 0)
		directory_refresh_locked(&fs->inodes, dir, &meta);
	else if (rc == -ENOENT && dir->removed)
		rc = 0; /* who has it open sees what it was */
	if (rc == 0)
		attributes_of_locked(fs, dir, tid, out);
	inodes_bury_meta_locked(&fs->inodes, &meta);
	inodes_unlock(&fs->inodes);
	return rc;
}

int answer_file_attributes(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out)
{
	struct inodes *t = &fs->inodes;
	int rc = 0;

	answer_recheck(fs, inode);
	inodes_lock(t);
	bool itself = presents_itself_locked(inode);
	if (!itself) {
		rc = successor_attributes_locked(fs, inode, tid, out);
		itself = rc == -ESTALE && answer_serves_locked(fs, inode, tid);
	}
	if (itself) {
		attributes_of_locked(fs, inode, tid, out);
		rc = 0;
	}
	inodes_unlock(t);
	return rc;
}

int answer_attributes(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out)
{
	return inode->view->attributes(fs, inode, tid, out);
}
