/* See holders.h. */
#include "verbs/holders.h"

#include <assert.h>
#include <string.h>

#include "verbs/fs_state.h"
#include "verbs/handle.h"

void holders_init(struct fs *fs, struct holders *holders, pid_t tid)
{
	holders->opener_tid = tid;
	holders->opener = process_of_thread(&fs->callers, tid);
}

/* The process of a thread; most often the opener. */
static pid_t process_of(struct fs *fs, const struct holders *k, pid_t tid)
{
	return tid == k->opener_tid ? k->opener : process_of_thread(&fs->callers, tid);
}

/* --- who is known ----------------------------------------------------------------------------- */

/* False: there is no room for it. */
static bool keep_if_room(struct handle *h, pid_t process)
{
	struct holders *k = &h->holders;
	pid_t *room = NULL;

	inode_content_lock(h->inode);
	k->shared = true;
	for (int i = 0; i < HOLDERS_KEPT && (!room || *room != process); i++)
		if (k->others[i] == process || (k->others[i] == 0 && !room))
			room = &k->others[i];
	if (room)
		*room = process;
	bool kept = room || k->too_many;
	inode_content_unlock(h->inode);
	return kept;
}

static void forget(struct handle *h, pid_t process)
{
	inode_content_lock(h->inode);
	for (int i = 0; i < HOLDERS_KEPT; i++)
		if (h->holders.others[i] == process)
			h->holders.others[i] = 0;
	inode_content_unlock(h->inode);
}

/* --- the look --------------------------------------------------------------------------------- */

/* One FLUSH. */
struct closing {
	struct fs *fs;
	struct handle *handle;
	struct look look;
	struct caller caller;
	pid_t closer; /* the process */
	bool by_opener;
};

/* Whether no other handle can be open for writing on the same file. */
static bool is_only_writer_locked(const struct inode *inode)
{
	assert(lock_is_held(&inode->table->lock));
	return inode->writers == 1 &&
	       (!inode->name || (inode->name->privates == inode && !inode->next_of_name));
}

/* Handles of the same file that the process has opened as well, and may still have. */
static unsigned other_handles(struct closing *c, pid_t process)
{
	struct inode *inode = c->handle->inode;
	unsigned count = 0;

	inodes_lock(&c->fs->inodes);
	struct handle *all = is_only_writer_locked(inode) ? NULL : c->fs->handles;
	for (struct handle *h = all; h; h = h->next)
		if (h != c->handle && h->writer && h->inode->ino == inode->ino &&
		    h->holders.opener == process && !atomic_load(&h->holders.opener_closed_one))
			count++;
	inodes_unlock(&c->fs->inodes);
	return count;
}

static bool holds(struct closing *c, pid_t process)
{
	if (!look_finds_more_than(&c->look, process, 0))
		return false;
	unsigned others = other_handles(c, process);
	return others == 0 || look_finds_more_than(&c->look, process, others);
}

static void look_at_file(struct closing *c)
{
	inodes_lock(&c->fs->inodes);
	uint64_t ino = c->handle->inode->ino;
	inodes_unlock(&c->fs->inodes);
	look_begin(&c->look, &c->fs->seen_as, ino);
}

/* As holds(); one that was seen to hold it no more is no known holder any more. */
static bool still_holds(struct closing *c, pid_t process)
{
	if (holds(c, process))
		return true;
	if (c->look.left > 0)
		forget(c->handle, process);
	return false;
}

static void copy_others(struct closing *c, pid_t others[HOLDERS_KEPT])
{
	inode_content_lock(c->handle->inode);
	memcpy(others, c->handle->holders.others, sizeof(c->handle->holders.others));
	inode_content_unlock(c->handle->inode);
}

static bool one_of_the_others_holds(struct closing *c)
{
	pid_t others[HOLDERS_KEPT];

	copy_others(c, others);
	for (int i = 0; i < HOLDERS_KEPT; i++)
		if (others[i] != 0 && others[i] != c->closer && still_holds(c, others[i]))
			return true;
	return false;
}

/* Those who have ended make room first: a shell may start thousands one after the other. */
static void keep(struct fs *fs, struct handle *h, pid_t process)
{
	struct closing c = { .fs = fs, .handle = h };
	pid_t others[HOLDERS_KEPT];

	if (keep_if_room(h, process))
		return;
	look_at_file(&c);
	copy_others(&c, others);
	for (int i = 0; i < HOLDERS_KEPT; i++)
		if (others[i] != 0)
			still_holds(&c, others[i]);
	if (keep_if_room(h, process))
		return;
	inode_content_lock(h->inode);
	h->holders.too_many = true;
	inode_content_unlock(h->inode);
}

void holders_note_writer(struct fs *fs, struct handle *h, struct caller caller)
{
	struct holders *k = &h->holders;
	pid_t process = h->writer ? process_of(fs, k, caller.tid) : 0;

	if (process != 0 && process != k->opener) /* 0: pages that were mapped */
		keep(fs, h, process);
	else if (process != 0 && caller.table != 0)
		process_note_table(&fs->callers, process, caller.table);
}

/* What was started with it by a process that only passes it on, a script say, is not its opener's
 * child. */
static bool parent_holds(struct closing *c)
{
	pid_t parent = c->by_opener ? 0 : process_parent(c->closer);

	if (parent == 0 || parent == c->handle->holders.opener || !holds(c, parent))
		return false;
	keep(c->fs, c->handle, parent);
	return true;
}

static bool opener_holds(struct closing *c, bool *gone)
{
	struct holders *k = &c->handle->holders;

	inode_content_lock(c->handle->inode);
	*gone = k->opener_gone;
	inode_content_unlock(c->handle->inode);
	return (!*gone || c->by_opener) && holds(c, k->opener);
}

/* --- the verdict ------------------------------------------------------------------------------ */

static enum set_end opener_was_killed(struct handle *h)
{
	inode_content_lock(h->inode);
	h->holders.opener_killed = true;
	inode_content_unlock(h->inode);
	return SET_BROKEN_OFF;
}

/* Nobody known holds it. Whose end that is decides. */
static enum set_end ended(struct closing *c, bool killed, bool opener_was_gone)
{
	struct holders *k = &c->handle->holders;
	bool heed = c->fs->conf->on_killed_writer == KILLED_WRITER_DISCARD;

	/* Its descriptors go before the FLUSH that will tell of its end. */
	if (heed && !c->by_opener && !opener_was_gone && process_is_killed(k->opener))
		return opener_was_killed(c->handle);
	inode_content_lock(c->handle->inode);
	k->opener_gone |= c->look.left > 0;
	bool too_many = k->too_many;
	inode_content_unlock(c->handle->inode);
	if (c->by_opener && c->look.left > 0)
		process_note_table(&c->fs->callers, c->closer, c->caller.table);
	return killed ? SET_BROKEN_OFF : too_many ? SET_GOES_ON : SET_ENDED;
}

/*
 * A look is wanted unless it is a plain set. The kernel may close descriptors in the name of a
 * process that does nothing of the kind: those of a child that it gives up making, most often
 * because a signal came meanwhile. They are in the child's table.
 */
static bool is_shared(struct closing *c, bool has_news)
{
	struct holders *k = &c->handle->holders;
	bool own_table = process_has_table(&c->fs->callers, c->closer, c->caller.table);

	inode_content_lock(c->handle->inode);
	bool shared = k->shared || !c->by_opener || !own_table;
	k->shared |= !c->by_opener || has_news; /* by what comes after this */
	inode_content_unlock(c->handle->inode);
	if (c->by_opener && has_news)
		atomic_store(&k->opener_closed_one, true);
	return shared;
}

enum set_end holders_at_close(struct fs *fs, struct handle *h, struct caller caller, bool has_news)
{
	struct closing c = { .fs = fs, .handle = h, .caller = caller };
	bool heed = fs->conf->on_killed_writer == KILLED_WRITER_DISCARD;

	c.closer = process_of(fs, &h->holders, caller.tid);
	c.by_opener = c.closer == h->holders.opener;
	bool shared = is_shared(&c, has_news);
	bool killed = heed && process_is_killed(caller.tid);
	if (killed && c.by_opener)
		return opener_was_killed(h);
	if (!has_news && !killed)
		return SET_GOES_ON; /* nothing to publish, and nobody to blame */
	if (!shared)
		return SET_ENDED;
	bool opener_was_gone = false;
	look_at_file(&c);
	if (opener_holds(&c, &opener_was_gone) || (!c.by_opener && still_holds(&c, c.closer)) ||
	    one_of_the_others_holds(&c) || parent_holds(&c))
		return SET_GOES_ON;
	return ended(&c, killed, opener_was_gone);
}
