/* See lookup.h. */
#include "verbs/lookup.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/waiting.h"
#include "verbs/directory.h"
#include "verbs/escaped.h"
#include "verbs/scratch_rest.h"
#include "inodes/ticket.h"

/* The kernel rounds timeouts up to its clock's tick; an expired entry must not be served for that
 * long. */
enum { EXPIRY_MARGIN_MS = 10 };

/* How long what was found to be an entry and no directory is not asked whether it is one by now:
 * only another program can make keys below an entry. */
enum { FILE_MS = 5000 };

/* One LOOKUP under way. */
struct finding {
	struct fs *fs;
	struct inodes *t;
	struct name *name; /* a reference */
	pid_t tid;
	struct key_buffer key;
};

/* --- attributes ------------------------------------------------------------------------------- */

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
	out->attr_timeout_ms = 0;
	if (inode->scratch && inode->writers == 0)
		return; /* that is its size until it is opened again, which counts as told */
	if (tid == 0 || tid != inode->owner)
		inode->size_told = true;
}

static void directory_attributes_locked(struct fs *fs, struct inode *inode, struct attributes *out)
{
	struct meta *m = &out->meta;
	struct key_buffer key;

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
	assert(S_ISDIR(m->mode));
}

/* Nobody knows when it changed, but 1970 would have it cleaned up as old. */
static void time_of_undated(const struct fs *fs, struct meta *m)
{
	if (m->mtime.tv_sec == 0 && m->ctime.tv_sec == 0)
		m->mtime = m->ctime = fs->started;
}

void attributes_of_locked(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out)
{
	*out = (struct attributes){ .inode = inode,
				    .ino = inode->ino,
				    .nlink = inode->name ? 1 : 0 };
	meta_copy(&out->meta, &inode->meta);
	out->entry_timeout_ms = fs->conf->entry_timeout_ms;
	out->attr_timeout_ms = fs->conf->attr_timeout_ms;
	if (inode->kind == INODE_VIRTUAL) {
		control_attributes_locked(fs, inode, out);
		time_of_undated(fs, &out->meta);
		return;
	}
	if (inode->kind == INODE_DIR) {
		directory_attributes_locked(fs, inode, out);
		time_of_undated(fs, &out->meta);
		return;
	}
	if (out->meta.mode == 0)
		fs_default_owner(fs, &out->meta, S_IFREG);
	assert(!S_ISDIR(out->meta.mode) && (out->meta.mode & S_IFMT));
	if (inode->state == INODE_PRIVATE && inode->content.live)
		private_attributes_locked(inode, tid, out);
	out->entry_timeout_ms = until_end(fs, inode->meta.copy, out->entry_timeout_ms);
	out->attr_timeout_ms = until_end(fs, inode->meta.copy, out->attr_timeout_ms);
	if (inode->state == INODE_PRIVATE)
		out->entry_timeout_ms = inode->scratch
						? until_end(fs, inode_scratch_end_locked(inode),
							    fs->conf->entry_timeout_ms)
						: fs->conf->entry_timeout_ms;
	if (inode->state == INODE_STALE)
		out->attr_timeout_ms = 0;
}

static int reply_locked(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out)
{
	if (!inode)
		return -ENOMEM;
	inode->lookups++;
	attributes_of_locked(fs, inode, tid, out);
	return 0;
}

/* --- what is there ---------------------------------------------------------------------------- */

enum found { FOUND_NOTHING, FOUND_ENTRY, FOUND_DIRECTORY };

/* A key may be both; then the directory keeps the name. */
static int find_unlocked(struct finding *f, bool is_file, enum found *found, struct meta *meta)
{
	struct key key = key_make(f->key.bytes, f->key.size);
	struct meta marker = { 0 };
	int entry = layered_stat(f->fs->cache, key, meta);

	*found = entry == 0 ? FOUND_ENTRY : FOUND_NOTHING;
	if (entry < 0 && entry != -ENOENT)
		return entry;
	if ((entry == 0 && is_file) || f->name->is_own || !key_can_hold(key))
		return 0;
	int directory = layered_dir_stat(f->fs->cache, key, &marker);
	if (directory < 0)
		return entry == 0 || directory == -ENOENT ? 0 : directory;
	if (entry == 0)
		meta_fini(meta);
	*meta = marker;
	*found = FOUND_DIRECTORY;
	return 0;
}

/* Whether an entry of that name needs no second look. */
static bool is_file_locked(const struct finding *f)
{
	return f->name->version && !f->name->subdir &&
	       f->name->file_until_ms > time_mono_ms(f->fs->time);
}

/* What the cache has under the name, at an instant at which the name did not change. -errno: the
 * key cannot be, or nobody can tell. */
static int find_locked(struct finding *f, enum found *found, struct meta *meta)
{
	for (;;) {
		uint64_t at = f->t->clock, moves = f->t->moves;
		int rc = name_key_locked(f->t, f->name, &f->key);
		if (rc < 0)
			return rc;
		bool is_file = is_file_locked(f);
		inodes_unlock(f->t);
		rc = find_unlocked(f, is_file, found, meta);
		inodes_lock(f->t);
		if (rc < 0)
			return rc;
		if (*found == FOUND_ENTRY && !is_file)
			f->name->file_until_ms = time_mono_ms(f->fs->time) + FILE_MS;
		bool settled = f->name->changed_at <= at && f->t->moves == moves;
		bool in_part = *found == FOUND_NOTHING ||
			       (*found == FOUND_DIRECTORY && meta->mode == 0);
		if (settled && !(in_part && inode_wait_for_move_locked(f->t, f->name->dir)))
			return 0;
		inodes_bury_meta_locked(f->t, meta);
	}
}

struct inode *lookup_directory_locked(struct fs *fs, struct name *name, const struct meta *meta)
{
	struct inode *inode = name->subdir;

	if (!inode)
		inode = inode_new_dir_locked(&fs->inodes, name);
	if (inode)
		directory_refresh_locked(&fs->inodes, inode, meta);
	return inode;
}

static int lookup_by_ticket_locked(struct finding *f, enum ticket_kind kind,
				   struct attributes *out);

static uint32_t type_of(const struct meta *meta)
{
	return meta->mode ? meta->mode & S_IFMT : S_IFREG;
}

static int reply_found_locked(struct finding *f, enum found found, const struct meta *meta,
			      struct inode *pending, struct attributes *out)
{
	if (found == FOUND_ENTRY)
		return reply_locked(f->fs, name_version_locked(f->t, f->name, meta), f->tid, out);
	if (found == FOUND_DIRECTORY)
		return reply_locked(f->fs, lookup_directory_locked(f->fs, f->name, meta), f->tid,
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
	int rc = find_locked(f, &found, &meta);

	if (rc < 0)
		return rc;
	struct inode *pending = found == FOUND_NOTHING ? name_pending_locked(f->name) : NULL;
	bool is_file = pending || (found == FOUND_ENTRY && type_of(&meta) == S_IFREG);
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

	if (ticket)
		ticket_missed_locked(ticket, time_mono_ms(f->fs->time));
	int rc = find_locked(f, &found, &meta);
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
	return ticket_for_lookup_locked(f->t, f->tid, f->name, time_mono_ms(f->fs->time));
}

/* Gets what the key is now; value NULL: its metadata alone. */
static int get_for_ticket_locked(struct finding *f, enum get_kind kind, struct value **value,
				 struct meta *meta, uint64_t *at)
{
	for (;;) {
		*at = f->t->clock;
		int rc = name_key_locked(f->t, f->name, &f->key);
		if (rc < 0)
			return rc;
		inodes_unlock(f->t);
		struct key key = key_make(f->key.bytes, f->key.size);
		rc = value ? layered_get(f->fs->cache, key, kind, value, meta)
			   : layered_stat(f->fs->cache, key, meta);
		inodes_lock(f->t);
		if (rc != -ENOENT || !name_is_elsewhere_locked(f->t, f->name, key))
			return rc;
		kind = kind == GET_COUNTED ? GET_UNCOUNTED : kind;
	}
}

static bool is_being_published_locked(const struct name *name)
{
	return name->publishing > 0 || name_pending_locked(name);
}

/* A get of a key that is only pending: its writer may be about to close it. */
static void wait_for_pending_locked(struct finding *f)
{
	uint64_t at = f->t->clock;
	inodes_unlock(f->t);
	waiting_begin();
	struct deadline deadline = deadline_in(&time_system, waiting_at_most(f->fs->conf->pending_wait_ms));
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
		if (holder && holder->scratch)
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

/* --- attributes, asked for -------------------------------------------------------------------- */

/* Whether the thread was refused once already for this stat, chmod, ...: then the inode is good
 * enough. */
static bool is_second_try_locked(struct fs *fs, struct inode *inode, pid_t tid)
{
	for (struct ticket *ticket = fs->inodes.tickets; ticket; ticket = ticket->next) {
		if (ticket->tid == tid && ticket->kind == TICKET_ATTR && ticket->looked_up &&
		    inode->name && ticket->name == inode->name) {
			ticket_end_locked(&fs->inodes, ticket);
			return true;
		}
	}
	return false;
}

void lookup_recheck(struct fs *fs, struct inode *inode)
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

	return inode->state == INODE_VERSION || inode->scratch || !inode_is_idle_locked(inode) ||
	       unlinked;
}

bool lookup_answers_locked(struct fs *fs, struct inode *inode, pid_t tid)
{
	if (presents_itself_locked(inode) || is_second_try_locked(fs, inode, tid))
		return true;
	ticket_issue_locked(&fs->inodes, tid, TICKET_ATTR, inode, NULL, NULL, 0,
			    time_mono_ms(fs->time));
	return false;
}

int lookup_gone(struct fs *fs, struct inode *inode, pid_t tid)
{
	struct inodes *t = &fs->inodes;
	int rc = 0;

	inodes_lock(t);
	/* What the name led to was this; so it leads to nothing now. */
	bool current = inode->state == INODE_VERSION && !name_pending_locked(inode->name);
	inode_retire_locked(t, inode);
	if (!presents_itself_locked(inode))
		rc = current || lookup_answers_locked(fs, inode, tid) ? -ENOENT : -ESTALE;
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

	if (!f.name)
		return -ESTALE;
	f.name->refs++;
	int rc = find_locked(&f, &found, &meta);
	if (rc == 0 && found == FOUND_ENTRY)
		successor = name_version_locked(t, f.name, &meta);
	else if (rc == 0 && found == FOUND_NOTHING)
		successor = name_pending_locked(f.name);
	if (!successor || type_of(&successor->meta) != type_of(&inode->meta))
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

static int directory_attributes(struct fs *fs, struct inode *dir, struct attributes *out)
{
	struct meta meta = { 0 };
	int rc = directory_stat(fs, dir, &meta);

	inodes_lock(&fs->inodes);
	if (rc == 0)
		directory_refresh_locked(&fs->inodes, dir, &meta);
	else if (rc == -ENOENT && dir->removed)
		rc = 0; /* who has it open sees what it was */
	if (rc == 0)
		attributes_of_locked(fs, dir, 0, out);
	inodes_bury_meta_locked(&fs->inodes, &meta);
	inodes_unlock(&fs->inodes);
	return rc;
}

int lookup_attributes(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out)
{
	struct inodes *t = &fs->inodes;
	int rc = 0;

	if (inode->kind == INODE_DIR)
		return directory_attributes(fs, inode, out);
	if (inode->kind == INODE_VIRTUAL)
		rc = control_refresh(fs, inode);
	if (rc < 0)
		return rc;
	lookup_recheck(fs, inode);
	inodes_lock(t);
	bool itself = inode->kind == INODE_VIRTUAL || presents_itself_locked(inode);
	if (!itself) {
		rc = successor_attributes_locked(fs, inode, tid, out);
		itself = rc == -ESTALE && lookup_answers_locked(fs, inode, tid);
	}
	if (itself) {
		attributes_of_locked(fs, inode, tid, out);
		rc = 0;
	}
	inodes_unlock(t);
	return rc;
}
