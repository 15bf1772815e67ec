/* See handle_open.h; inode.h and ticket.h say how an open is decided. */
#include "verbs/handle_open.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/waiting.h"
#include "inodes/ticket.h"
#include "verbs/ask.h"
#include "verbs/foreseen.h"
#include "verbs/handle_close.h"
#include "verbs/handle_write.h"
#include "verbs/write_out.h"
#include "verbs/scratch.h"
#include "verbs/scratch_name.h"
#include "verbs/scratch_room.h"
#include "verbs/test_switches.h"

/* One open under way. */
struct opening {
	struct fs *fs;
	struct inodes *t;
	struct inode *inode;
	const struct open_request *request;
	struct handle *handle; /* made beforehand, so that nothing fails once the inode is ours */
	bool truncate_shared;  /* O_TRUNC of the very inode that is open already */
};

static int64_t now_ms(const struct fs *fs)
{
	return time_mono_ms(fs->time);
}

/* As much of it as is needed before it is open. NULL: out of memory. */
static struct handle *new_handle(struct fs *fs, const struct open_request *request, bool writes)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (h)
		h->uid = request->uid;
	if (h && !writes)
		h->holders.opener_tid = request->tid;
	if (h && writes) {
		h->appends = request->flags & O_APPEND;
		holders_init(fs, &h->holders, request->tid);
	}
	return h;
}

static void add_handle_locked(struct opening *o, struct inode *inode, bool writer)
{
	assert(lock_is_held(&o->fs->inodes.lock));
	handle_insert_locked(o->fs, o->handle, inode, writer);
	if (writer && inode->owner != o->request->tid)
		inode->owner = 0;
}

/* --- ESTALE ----------------------------------------------------------------------------------- */

/*
 * Refuses, with a ticket for the next try; value and meta (may be NULL) are what a get found. If
 * there will be no next try, because the attributes were asked for inside this open(2) and there
 * was nothing at that moment, the open is as good as one at that moment: a miss.
 */
static int refuse_locked(struct opening *o, enum ticket_kind kind, struct value *value,
			 struct meta *meta, uint64_t got_at)
{
	assert(lock_is_held(&o->fs->inodes.lock));
	if (o->inode->name && ticket_retry_is_spent_locked(o->t, o->request->tid, o->inode->name)) {
		inodes_bury_value_locked(o->t, value);
		if (meta)
			inodes_bury_meta_locked(o->t, meta);
		return -ENOENT;
	}
	atomic_fetch_add_explicit(&o->fs->opens_stale, 1, memory_order_relaxed);
	ticket_issue_locked(o->t, o->request->tid, kind, o->inode, value, meta, got_at,
			    now_ms(o->fs));
	return -ESTALE;
}

/*
 * A close before this open may have caused a publish that is still under way: what it publishes is
 * to be seen. Releases the lock while it waits.
 */
static void wait_for_publish_locked(struct opening *o)
{
	struct name *name = o->inode->name;

	assert(lock_is_held(&o->fs->inodes.lock));
	if (!name || name->publishing == 0)
		return;
	name_ref_locked(name);
	inodes_unlock(o->t);
	waiting_begin();
	struct deadline deadline = deadline_in(o->fs->time,
					       waiting_at_most(o->fs->conf->publish_timeout_ms));
	inodes_lock(o->t);
	while (name->publishing > 0 && inodes_wait_locked(o->t, &deadline))
		;
	name_put_locked(o->t, name);
}

/* --- open for reading ------------------------------------------------------------------------- */

static void read_version_locked(struct opening *o, struct inode *inode, struct value *value)
{
	assert(lock_is_held(&o->fs->inodes.lock));
	inode_pin_value_locked(o->t, inode, value);
	o->handle->value = value_ref(value);
	value_hold(value);
	add_handle_locked(o, inode, false);
}

/* The second try of an open(2). False: the ticket says nothing of this. */
static bool read_by_ticket_locked(struct opening *o)
{
	struct ticket *ticket = ticket_for_inode_locked(o->t, o->request->tid, o->inode,
							now_ms(o->fs));

	assert(lock_is_held(&o->fs->inodes.lock));
	if (!ticket || ticket->kind != TICKET_READ)
		return false;
	if (o->inode->value)
		read_version_locked(o, o->inode, o->inode->value);
	else if (o->inode->content.live)
		add_handle_locked(o, o->inode, false); /* /proc/self/fd/N of a writer */
	else
		return false;
	ticket_end_locked(o->t, ticket);
	return true;
}

static int get_unlocked(struct opening *o, enum get_kind kind, struct value **value,
			struct meta *meta)
{
	struct key_buffer key;
	int rc = inode_key_locked(o->t, o->inode, &key);

	if (rc < 0)
		return rc;
	inodes_unlock(o->t);
	rc = layered_get(o->fs->cache, key_make(key.bytes, key.size), kind, value, meta);
	inodes_lock(o->t);
	return rc;
}

/* --- open of a scratch file ------------------------------------------------------------------- */

/*
 * As on a local disk: it is the one that is there, whoever else has it open. A kernel before 6.6
 * keeps the pages that a direct write makes old, so direct writers and readers through the page
 * cache do not go together; and it never becomes a version, for who else has looked at it.
 */
static bool share_scratch_locked(struct opening *o, bool writer)
{
	struct inode *inode = o->inode;

	assert(lock_is_held(&o->fs->inodes.lock));
	if (!inode_is_scratch(inode))
		return false;
	o->handle->shares = true;
	o->handle->direct = writer ? (o->request->flags & O_ACCMODE) == O_WRONLY &&
					     inode->readers == 0
				   : inode->writers > 0;
	o->truncate_shared = o->request->flags & O_TRUNC;
	inode->size_told = true;
	add_handle_locked(o, inode, writer);
	return true;
}

static int open_read_locked(struct opening *o)
{
	struct inode *inode = o->inode;
	struct value *value = NULL;
	struct meta meta = { 0 };

	assert(lock_is_held(&o->fs->inodes.lock));
	if (share_scratch_locked(o, false) || read_by_ticket_locked(o))
		return 0;
	wait_for_publish_locked(o);
	if (inode->state != INODE_VERSION)
		return refuse_locked(o, TICKET_READ, NULL, NULL, 0);
	uint64_t got_at = o->t->clock;
	int rc = get_unlocked(o, GET_COUNTED, &value, &meta);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc < 0) { /* evicted, expired, removed */
		inode_retire_locked(o->t, inode);
		return refuse_locked(o, TICKET_READ, NULL, NULL, 0);
	}
	if (inode_is_private(inode) || !meta_same_value(&meta, &inode->meta))
		return refuse_locked(o, TICKET_READ, value, &meta, got_at);
	read_version_locked(o, inode, value);
	inodes_bury_value_locked(o->t, value);
	inodes_bury_meta_locked(o->t, &meta);
	return 0;
}

/* --- open for writing ------------------------------------------------------------------------- */

static bool write_by_ticket_locked(struct opening *o)
{
	struct ticket *ticket = ticket_for_inode_locked(o->t, o->request->tid, o->inode,
							now_ms(o->fs));
	bool truncate = o->request->flags & O_TRUNC;

	assert(lock_is_held(&o->fs->inodes.lock));
	if (!ticket || !inode_is_private(o->inode) || !o->inode->content.live)
		return false;
	if (ticket->kind != TICKET_TRUNCATE && ticket->kind != TICKET_IN_PLACE)
		return false;
	o->truncate_shared = truncate && (ticket->inode != o->inode ||
					  ticket->kind == TICKET_IN_PLACE || ticket->shares);
	add_handle_locked(o, o->inode, true);
	ticket_end_locked(o->t, ticket);
	return true;
}

/* Whether in-place writers join this private inode: it is what the name holds now, or will hold
 * first. */
static bool is_joinable_locked(const struct inode *inode)
{
	assert(lock_is_held(&inode->table->lock));
	return inode_is_private(inode) && inode->content.live && inode->name &&
	       inode->name->holder == inode;
}

static int open_truncating_locked(struct opening *o)
{
	struct inode *inode = o->inode;

	assert(lock_is_held(&o->fs->inodes.lock));
	if (inode->state != INODE_VERSION || !inode_is_idle_locked(inode) || inode->birth_told)
		return refuse_locked(o, TICKET_TRUNCATE, NULL, NULL, 0);
	inode_take_over_locked(o->t, inode, NULL, o->request->tid);
	add_handle_locked(o, inode, true);
	return 0;
}

static int open_in_place_locked(struct opening *o)
{
	struct inode *inode = o->inode;
	struct value *value = NULL;
	struct meta meta = { 0 };

	assert(lock_is_held(&o->fs->inodes.lock));
	if (is_joinable_locked(inode)) {
		add_handle_locked(o, inode, true);
		return 0;
	}
	if (inode->state != INODE_VERSION || !inode_is_idle_locked(inode) || inode->name->holder)
		return refuse_locked(o, TICKET_IN_PLACE, NULL, NULL, 0);
	int rc = get_unlocked(o, GET_TO_CHANGE, &value, &meta);
	bool current = rc == 0 && inode->state == INODE_VERSION && inode_is_idle_locked(inode) &&
		       !inode->name->holder && meta_same_value(&meta, &inode->meta);
	if (current) {
		inode_take_over_locked(o->t, inode, value, o->request->tid);
		inode->name->holder = inode;
		add_handle_locked(o, inode, true);
	}
	inodes_bury_value_locked(o->t, value);
	inodes_bury_meta_locked(o->t, &meta);
	return current ? 0 : refuse_locked(o, TICKET_IN_PLACE, NULL, NULL, 0);
}

static int open_write_locked(struct opening *o)
{
	assert(lock_is_held(&o->fs->inodes.lock));
	if (share_scratch_locked(o, true) || write_by_ticket_locked(o))
		return 0;
	wait_for_publish_locked(o);
	if (o->request->flags & O_TRUNC)
		return open_truncating_locked(o);
	return open_in_place_locked(o);
}

static bool opens_to_write(const struct open_request *request)
{
	return (request->flags & O_ACCMODE) != O_RDONLY || (request->flags & O_TRUNC);
}

/* Nothing will be written to what was created, or emptied, with O_RDONLY: flock(1) and the like
 * only want to have a file. If it cannot be stored, close() tells. What others are making is theirs
 * to publish. */
static void publish_if_complete(struct fs *fs, struct handle *h, const struct open_request *request)
{
	bool complete = h->writer && (request->flags & O_ACCMODE) == O_RDONLY &&
			(h->wrote || handle_is_only_writer(fs, h));
	int rc = complete || (h->writer && test_switch_breaks(BREAK_PUBLISH_AT_OPEN))
			 ? write_out(fs, h->inode)
			 : 0;

	if (rc < 0)
		log_warning("a new empty entry could not be stored: %s", strerror(-rc));
}

int handle_open(struct fs *fs, struct inode *inode, const struct open_request *request,
		struct handle **handle)
{
	struct opening o = { .fs = fs, .t = &fs->inodes, .inode = inode, .request = request };
	bool writes = opens_to_write(request);
	int rc = foreseen_at_open(fs, inode, request->flags);

	if (rc == 0 && writes)
		rc = scratch_admit_open(fs, inode);
	if (rc < 0)
		return rc;
	o.handle = new_handle(fs, request, writes);
	if (!o.handle)
		return -ENOMEM;
	inodes_lock(o.t);
	inode_pin_locked(inode);
	rc = writes ? open_write_locked(&o) : open_read_locked(&o);
	if (rc == 0 && writes)
		scratch_reopen_locked(fs, o.handle->inode);
	if (rc == 0)
		ticket_done_locked(o.t, request->tid, inode->name ? inode->name : inode->former);
	inode_unpin_locked(o.t, inode);
	inodes_unlock(o.t);
	if (rc < 0) {
		free(o.handle);
		return rc;
	}
	if (o.truncate_shared)
		handle_truncate(fs, o.handle, 0);
	publish_if_complete(fs, o.handle, request);
	if (!o.handle->shares && o.handle->writer)
		o.handle->direct = (request->flags & O_ACCMODE) == O_WRONLY;
	*handle = o.handle;
	return 0;
}

/* --- create ----------------------------------------------------------------------------------- */

static bool makes_scratch(const struct fs *fs, struct key name, const struct create_request *r)
{
	return scratch_is_made(fs->conf->scratch_names, name, r->open.flags, r->mode);
}

/* A new key, or a set of one that came into being since the kernel looked. */
static struct inode *create_inode_locked(struct opening *o, struct name *name,
					 const struct create_request *request,
					 const struct meta *now, struct value *base)
{
	struct inode *pending = name_pending_locked(name);
	struct meta meta = {
		.mode = S_IFREG | (request->mode & 07777),
		.uid = request->uid,
		.gid = request->gid,
	};

	assert(lock_is_held(&o->fs->inodes.lock));
	if (name->holder && inode_is_scratch(name->holder)) {
		o->truncate_shared = o->request->flags & O_TRUNC;
		name->holder->size_told = true;
		return name->holder;
	}
	if (!(o->request->flags & O_TRUNC) && (name->holder || pending))
		return name->holder ? name->holder
				    : pending; /* in place: one working copy for all */
	if (now)
		meta_copy(&meta, now);
	else if (pending)
		meta_copy(&meta, &pending->meta);
	meta.size = base ? value_size(base) : 0;
	if (meta.ino == 0)
		meta.ino = pending ? pending->ino : inode_draw_ino();
	struct inode *inode = inode_new_private_locked(o->t, name, &meta, base, o->request->tid);
	if (inode && !name->holder && (!now || base))
		name->holder = inode;
	if (inode && !now && name->holder == inode &&
	    makes_scratch(o->fs, key_make(name->text, name->size), request))
		inode_make_scratch_locked(o->t, inode);
	inodes_bury_meta_locked(o->t, &meta);
	return inode;
}

/* What is published at name now. 0, or -ENOENT. */
static int current_locked(struct opening *o, struct name *name, struct value **value,
			  struct meta *meta)
{
	struct key_buffer key;
	struct entry_ask ask = { o->fs->cache, GET_TO_CHANGE, value, meta };
	struct name_read read = { .t = o->t,
				  .name = name,
				  .settled = true,
				  .ask = ask_entry,
				  .self = &ask,
				  .key = &key };

	assert(lock_is_held(&o->fs->inodes.lock));
	return name_read_locked(&read);
}

static int create_locked(struct opening *o, struct name *name, const struct create_request *request)
{
	assert(lock_is_held(&o->fs->inodes.lock));
	struct value *base = NULL;
	struct meta now = { 0 };
	bool in_place = !(o->request->flags & O_TRUNC);
	/* The layers were asked by the lookup before. */
	bool is_new = !name->version &&
		      makes_scratch(o->fs, key_make(name->text, name->size), request);
	int rc = is_new ? -ENOENT : current_locked(o, name, NULL, &now);

	if (rc == 0 && in_place && !(o->request->flags & O_EXCL)) {
		inodes_bury_meta_locked(o->t, &now);
		rc = current_locked(o, name, &base, &now);
	}
	if (rc < 0 && rc != -ENOENT)
		return rc;
	bool exists = rc == 0;
	if (o->inode->removed)
		rc = -ENOENT;
	else if ((o->request->flags & O_EXCL) && (exists || name_pending_locked(name)))
		rc = -EEXIST;
	else
		rc = 0;
	struct inode *inode = NULL;
	if (rc == 0) {
		inode = create_inode_locked(o, name, request, exists ? &now : NULL, base);
		rc = inode ? 0 : -ENOMEM;
	}
	if (rc == 0) {
		ticket_done_locked(o->t, o->request->tid, name);
		add_handle_locked(o, inode, true);
		inode->lookups++;
		o->inode->dir_mtime = time_now();
	}
	inodes_bury_value_locked(o->t, base);
	inodes_bury_meta_locked(o->t, &now);
	return rc;
}

static int admit_scratch(struct fs *fs, struct inode *dir, struct key text, uid_t uid)
{
	int rc = scratch_admit_user(fs, uid);

	return rc == 0 ? scratch_admit(fs, dir, text) : rc;
}

int handle_create(struct fs *fs, struct inode *dir, struct key text,
		  const struct create_request *request, struct handle **handle)
{
	struct opening o = { .fs = fs, .t = &fs->inodes, .inode = dir, .request = &request->open };
	struct key_buffer key;
	struct name *name = NULL;
	int rc = makes_scratch(fs, text, request) ? admit_scratch(fs, dir, text, request->uid)
						  : foreseen_at_create(fs, request->open.flags);

	if (rc < 0)
		return rc;
	o.handle = new_handle(fs, &request->open, true);
	if (!o.handle)
		return -ENOMEM;
	inodes_lock(o.t);
	rc = dir->removed ? -ENOENT : 0;
	if (rc == 0) {
		name = name_get_locked(o.t, dir, text);
		rc = name ? name_key_locked(o.t, name, &key) : -ENOMEM;
	}
	if (rc == 0)
		rc = create_locked(&o, name, request);
	if (rc == 0)
		scratch_reopen_locked(fs, o.handle->inode);
	if (name)
		name_put_locked(o.t, name);
	inodes_unlock(o.t);
	if (rc < 0) {
		free(o.handle);
		return rc;
	}
	o.handle->direct = (request->open.flags & O_ACCMODE) == O_WRONLY;
	if (o.truncate_shared)
		handle_truncate(fs, o.handle, 0);
	publish_if_complete(fs, o.handle, &request->open);
	*handle = o.handle;
	return 0;
}

/* --- truncate by path ------------------------------------------------------------------------- */

int handle_truncate_path(struct fs *fs, struct inode *inode, uint64_t size, pid_t tid, uid_t uid)
{
	struct open_request request = { .flags = O_WRONLY, .tid = tid, .uid = uid };
	struct handle *h = NULL;
	int rc = handle_open(fs, inode, &request, &h);

	if (rc < 0)
		return rc;
	rc = handle_truncate(fs, h, size);
	if (rc == 0)
		rc = write_out(fs, inode);
	handle_release(fs, h);
	return rc;
}
