/* See lookup.h. */
#include "verbs/lookup.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/waiting.h"
#include "verbs/ask.h"
#include "verbs/directory.h"
#include "verbs/escaped.h"
#include "verbs/found.h"
#include "verbs/scratch_expire.h"
#include "inodes/ticket.h"

static int reply_locked(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out)
{
	assert(lock_is_held(&fs->inodes.lock));
	if (!inode)
		return -ENOMEM;
	inode->lookups++;
	attributes_of_locked(fs, inode, tid, out);
	return 0;
}

/* --- what is there ---------------------------------------------------------------------------- */

static int lookup_by_ticket_locked(struct finding *f, enum ticket_kind kind,
				   struct attributes *out);

static int reply_found_locked(struct finding *f, enum found found, const struct meta *meta,
			      struct inode *pending, struct attributes *out)
{
	assert(lock_is_held(&f->fs->inodes.lock));
	if (found == FOUND_ENTRY)
		return reply_locked(f->fs, name_version_locked(f->t, f->name, meta), f->tid, out);
	if (found == FOUND_DIRECTORY)
		return reply_locked(f->fs, directory_inode_locked(f->t, f->name, meta), f->tid,
				    out);
	if (f->name->version)
		inode_retire_locked(f->t, f->name->version);
	if (pending)
		return reply_locked(f->fs, pending, f->tid, out);
	if (f->name->subdir && directory_has_pending_locked(f->name->subdir))
		return reply_locked(f->fs, f->name->subdir, f->tid, out);
	return -ENOENT;
}

static int lookup_plain_locked(struct finding *f, struct attributes *out)
{
	struct meta meta = { 0 };
	enum found found;
	int rc = found_locked(f, &found, &meta);

	assert(lock_is_held(&f->fs->inodes.lock));
	if (rc < 0)
		return rc;
	struct inode *pending = found == FOUND_NOTHING ? name_pending_locked(f->name) : NULL;
	bool is_file = pending || (found == FOUND_ENTRY && found_type(&meta) == S_IFREG);
	struct ticket *ticket = NULL;
	if (is_file || found == FOUND_NOTHING)
		ticket = ticket_follow_locked(f->t, f->tid, f->name, is_file,
					      time_mono_ms(f->fs->time));
	if (ticket && is_file && ticket->kind != TICKET_ATTR)
		rc = lookup_by_ticket_locked(f, ticket->kind, out);
	else
		rc = reply_found_locked(f, found, &meta, pending, out);
	if (ticket) /* if the call has ended, nobody is led there once more */
		out->entry_timeout_ms = 0;
	inodes_bury_meta_locked(f->t, &meta);
	return rc;
}

/* --- with a ticket ---------------------------------------------------------------------------- */

/* The file that the ticket is for is gone; a directory may have its name by now. */
static int lookup_missed_locked(struct finding *f, struct ticket *ticket, struct attributes *out)
{
	struct meta meta = { 0 };
	enum found found;

	assert(lock_is_held(&f->fs->inodes.lock));
	if (ticket)
		ticket_missed_locked(ticket, time_mono_ms(f->fs->time));
	int rc = found_locked(f, &found, &meta);
	if (rc == 0 && found != FOUND_DIRECTORY)
		rc = -ENOENT;
	if (rc == 0)
		rc = reply_found_locked(f, found, &meta, NULL, out);
	inodes_bury_meta_locked(f->t, &meta);
	return rc;
}

/* The version that presents what the ticket's open got: the current one, or one for this thread
 * alone. */
static struct inode *version_for_ticket_locked(struct finding *f, struct ticket *ticket)
{
	bool current = f->name->changed_at <= ticket->got_at;
	struct inode *inode;

	assert(lock_is_held(&f->fs->inodes.lock));
	if (current ||
	    (f->name->version && meta_same_value(&f->name->version->meta, &ticket->meta)))
		inode = name_version_locked(f->t, f->name, &ticket->meta);
	else
		inode = inode_new_version_locked(f->t, f->name, &ticket->meta);
	if (inode)
		inode_pin_value_locked(f->t, inode, ticket->value);
	return inode;
}

static struct ticket *my_ticket_locked(struct finding *f)
{
	assert(lock_is_held(&f->fs->inodes.lock));
	return ticket_for_lookup_locked(f->t, f->tid, f->name, time_mono_ms(f->fs->time));
}

/* Gets what the key is now; value NULL: its metadata alone. */
static int get_for_ticket_locked(struct finding *f, enum get_kind kind, struct value **value,
				 struct meta *meta, uint64_t *at)
{
	struct entry_ask ask = { f->fs->cache, kind, value, meta };
	struct name_read read = {
		.t = f->t, .name = f->name, .ask = ask_entry, .self = &ask, .key = &f->key
	};
	int rc = name_read_locked(&read);

	assert(lock_is_held(&f->fs->inodes.lock));
	*at = read.at;
	return rc;
}

static bool is_being_published_locked(const struct name *name)
{
	assert(lock_is_held(&name->dir->table->lock));
	return name->publishing > 0 || name_pending_locked(name);
}

/* A get of a key that is only pending: its writer may be about to close it. */
static void wait_for_pending_locked(struct finding *f)
{
	assert(lock_is_held(&f->fs->inodes.lock));
	uint64_t at = f->t->clock;
	inodes_unlock(f->t);
	waiting_begin();
	struct deadline deadline = deadline_in(f->fs->time,
					       waiting_at_most(f->fs->conf->pending_wait_ms));
	inodes_lock(f->t);
	while (f->name->changed_at <= at && is_being_published_locked(f->name) &&
	       inodes_wait_locked(f->t, &deadline))
		;
}

static int get_or_wait_locked(struct finding *f)
{
	struct value *value = NULL;
	struct meta meta = { 0 };
	uint64_t at;
	int rc = get_for_ticket_locked(f, GET_COUNTED, &value, &meta, &at);
	struct ticket *ticket = my_ticket_locked(f);

	assert(lock_is_held(&f->fs->inodes.lock));
	if (rc < 0 && ticket && !ticket->waited && is_being_published_locked(f->name)) {
		ticket->waited = true;
		wait_for_pending_locked(f);
		rc = get_for_ticket_locked(f, GET_UNCOUNTED, &value, &meta, &at);
		ticket = my_ticket_locked(f);
	}
	if (rc == 0 && ticket && !ticket->value) {
		ticket->value = value;
		meta_move(&ticket->meta, &meta);
		ticket->got_at = at;
		return 0;
	}
	inodes_bury_value_locked(f->t, value);
	inodes_bury_meta_locked(f->t, &meta);
	return rc < 0 ? rc : 0;
}

static int lookup_to_read_locked(struct finding *f, struct attributes *out)
{
	struct ticket *ticket = my_ticket_locked(f);

	assert(lock_is_held(&f->fs->inodes.lock));
	if (!ticket) /* it has become too old in this very moment */
		return lookup_plain_locked(f, out);
	bool missed = ticket->missed_ms != 0;
	if (missed) {
		ticket_withdraw_locked(f->t, ticket);
		inodes_bury_value_locked(f->t, ticket->value);
		inodes_bury_meta_locked(f->t, &ticket->meta);
		ticket->value = NULL;
	}
	if (!ticket->inode && !ticket->value) {
		int rc = get_or_wait_locked(f);
		ticket = my_ticket_locked(f);
		if (rc == -ENOENT)
			return lookup_missed_locked(f, ticket, out);
		if (rc < 0)
			return rc;
	}
	if (!ticket || (!ticket->inode && !ticket->value))
		return lookup_plain_locked(f, out);
	if (!ticket->inode) {
		struct inode *inode = version_for_ticket_locked(f, ticket);
		if (!inode)
			return -ENOMEM;
		ticket_promise_locked(ticket, inode);
	}
	int rc = reply_locked(f->fs, ticket->inode, f->tid, out);
	if (missed || ticket->inode->name != f->name) /* for this call alone */
		out->entry_timeout_ms = 0;
	return rc;
}

/* One try at what follows; false: the name has changed meanwhile. */
static bool try_private_locked(struct finding *f, bool in_place, struct inode **inode, int *rc)
{
	struct value *value = NULL;
	struct meta meta = { 0 };
	uint64_t at;

	assert(lock_is_held(&f->fs->inodes.lock));
	*rc = get_for_ticket_locked(f, GET_TO_CHANGE, in_place ? &value : NULL, &meta, &at);
	struct inode *pending = name_pending_locked(f->name);
	bool settled = f->name->changed_at <= at && (!in_place || !f->name->holder);
	if (settled && *rc == 0)
		*inode = inode_new_private_locked(f->t, f->name, &meta, value, f->tid);
	else if (settled && pending && in_place)
		*inode = pending;
	else if (settled && pending)
		*inode = inode_new_private_locked(f->t, f->name, &pending->meta, NULL, f->tid);
	if (*inode && *rc == 0 && in_place)
		f->name->holder = *inode;
	if (*inode || *rc == 0)
		*rc = *inode ? 0 : -ENOMEM;
	inodes_bury_value_locked(f->t, value);
	inodes_bury_meta_locked(f->t, &meta);
	return settled;
}

/* The private inode that a writer gets: shared in place, or fresh. NULL with -ENOENT: the key is
 * gone. */
static int private_for_ticket_locked(struct finding *f, enum ticket_kind kind, struct inode **inode)
{
	bool in_place = kind == TICKET_IN_PLACE;
	int rc;

	assert(lock_is_held(&f->fs->inodes.lock));
	*inode = NULL;
	do {
		if (in_place && f->name->holder) {
			*inode = f->name->holder;
			return 0;
		}
	} while (!try_private_locked(f, in_place, inode, &rc));
	return rc;
}

static int lookup_to_write_locked(struct finding *f, enum ticket_kind kind, struct attributes *out)
{
	struct ticket *ticket = my_ticket_locked(f);

	assert(lock_is_held(&f->fs->inodes.lock));
	if (!ticket) /* as above */
		return lookup_plain_locked(f, out);
	if (ticket->inode &&
	    ticket->inode->name != f->name) /* replaced or unlinked between the two LOOKUPs */
		ticket_withdraw_locked(f->t, ticket);
	if (!ticket->inode) {
		struct inode *inode;
		int rc = private_for_ticket_locked(f, kind, &inode);
		ticket = my_ticket_locked(f);
		if (rc == -ENOENT)
			return lookup_missed_locked(f, ticket, out);
		if (rc < 0)
			return rc;
		if (!ticket) { /* too old by now: nobody is promised the inode */
			inode_pin_locked(inode);
			inode_settle_locked(f->t, inode);
			inode_unpin_locked(f->t, inode);
			return lookup_plain_locked(f, out);
		}
		ticket_promise_locked(ticket, inode);
	}
	return reply_locked(f->fs, ticket->inode, f->tid, out);
}

static int lookup_by_ticket_locked(struct finding *f, enum ticket_kind kind, struct attributes *out)
{
	assert(lock_is_held(&f->fs->inodes.lock));
	if (kind == TICKET_READ)
		return lookup_to_read_locked(f, out);
	if (kind == TICKET_TRUNCATE || kind == TICKET_IN_PLACE)
		return lookup_to_write_locked(f, kind, out);
	return lookup_plain_locked(f, out);
}

/* --- entry points ----------------------------------------------------------------------------- */

/* A scratch file is what its name leads to, ticket or not; an open that was refused is promised it,
 * for it may be renamed or removed before it comes. */
static int lookup_scratch_locked(struct finding *f, struct attributes *out)
{
	struct inode *file = f->name->holder;
	struct ticket *ticket = my_ticket_locked(f);

	assert(lock_is_held(&f->fs->inodes.lock));
	if (!ticket)
		ticket = ticket_follow_locked(f->t, f->tid, f->name, true,
					      time_mono_ms(f->fs->time));
	if (ticket && ticket->kind != TICKET_ATTR && ticket->inode != file) {
		ticket_withdraw_locked(f->t, ticket);
		ticket_promise_locked(ticket, file);
		ticket->shares = true;
	}
	return reply_locked(f->fs, file, f->tid, out);
}

int lookup(struct fs *fs, struct inode *dir, struct key text, pid_t tid, struct attributes *out)
{
	struct finding *f;
	int rc;

	if (text.size > KEY_COMPONENT_MAX)
		return -ENAMETOOLONG;
	f = malloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	rc = escaped_resolve(fs, dir, text, &f->key);
	if (rc < 0) {
		free(f);
		return rc;
	}
	struct key part = key_make(f->key.bytes, f->key.size);
	f->fs = fs;
	f->t = &fs->inodes;
	f->tid = tid;
	inodes_lock(f->t);
	f->name = dir->removed ? NULL
		  : rc > 0     ? name_get_part_locked(f->t, dir, text, part)
			       : name_get_locked(f->t, dir, text);
	rc = f->name ? 0 : dir->removed ? -ENOENT : -ENOMEM;
	if (rc == 0) {
		scratch_expire_locked(fs, f->name);
		struct ticket *ticket = my_ticket_locked(f);
		struct inode *holder = f->name->holder;
		if (holder && inode_is_scratch(holder))
			rc = lookup_scratch_locked(f, out);
		else
			rc = lookup_by_ticket_locked(f, ticket ? ticket->kind : TICKET_ATTR, out);
		name_put_locked(f->t, f->name);
	}
	inodes_unlock(f->t);
	free(f);
	return rc;
}

/* --- misses ----------------------------------------------------------------------------------- */

static uint64_t miss_hash(const struct inode *dir, struct key name)
{
	return key_hash(name) ^ (uint64_t)(uintptr_t)dir;
}

void lookup_missed(struct fs *fs, struct inode *dir, struct key name, pid_t tid)
{
	layered_count_miss(fs->cache);
	inodes_lock(&fs->inodes);
	fs->misses[(unsigned)tid % RECENT_MISSES] = (struct recent_miss){ tid,
									  miss_hash(dir, name) };
	inodes_unlock(&fs->inodes);
}

void lookup_created(struct fs *fs, struct inode *dir, struct key name, pid_t tid)
{
	inodes_lock(&fs->inodes);
	struct recent_miss *miss = &fs->misses[(unsigned)tid % RECENT_MISSES];
	bool mine = miss->tid == tid && miss->name == miss_hash(dir, name);
	if (mine)
		miss->name = 0;
	inodes_unlock(&fs->inodes);
	if (mine)
		layered_uncount_miss(fs->cache);
}
