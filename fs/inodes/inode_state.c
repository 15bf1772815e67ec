/* See inode_state.h. */
#include "inodes/inode_state.h"

#include <assert.h>
#include <string.h>

#include "inodes/saved.h"

/* --- what there is ---------------------------------------------------------------------------- */

static bool is_fresh(const struct inode *inode)
{
	return __atomic_load_n(&inode->content.fresh, __ATOMIC_RELAXED);
}

/* Reading flags of the content without its lock: each is one byte, and a stale answer is one of a
 * moment ago. */
static bool shows_pending(const struct inode *inode)
{
	const struct content *c = &inode->content;

	if (inode_is_scratch(inode))
		return inode->writers > 0 || !inode_scratch_is_over_locked(inode);
	return __atomic_load_n(&c->dirty, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&c->fresh, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&c->in_flight, __ATOMIC_RELAXED);
}

struct inode *name_pending_locked(const struct name *name)
{
	assert(lock_is_held(&name->dir->table->lock));
	if (name->holder && shows_pending(name->holder))
		return name->holder;
	for (struct inode *p = name->privates; p; p = p->next_of_name)
		if (shows_pending(p))
			return p;
	return NULL;
}

/* --- states ----------------------------------------------------------------------------------- */

void inode_check(const struct inode *inode)
{
	const struct name *name = inode->name;
	bool is_version = inode->state == INODE_VERSION, is_file = inode->kind == INODE_FILE;

	assert(lock_is_held(&inode->table->lock));
	assert(is_file == (inode->state != INODE_NONE));
	assert(!is_version || (name && name->version == inode));
	assert(is_version || !name || name->version != inode);
	assert(inode->content.live == inode_is_private(inode));
	assert(inode->writers == 0 || inode_is_private(inode));
	assert(!inode_is_scratch(inode) || (name && inode->pins > 0));
	assert(inode_is_scratch(inode) || (!inode->scratch.rests && !inode->scratch.has_copy));
	assert(!inode->scratch.rests || inode->writers == 0);
	assert(!inode->made || is_version);
	assert(inode->pins >= inode->readers + inode->writers + inode->tickets);
	(void)name;
	(void)is_version;
	(void)is_file;
}

static bool is_arrow(enum inode_state from, enum inode_state to)
{
	static const unsigned to_states[] = {
		[INODE_NONE] = 1u << INODE_STALE,
		[INODE_STALE] = 1u << INODE_VERSION | 1u << INODE_PRIVATE,
		[INODE_VERSION] = 1u << INODE_PRIVATE | 1u << INODE_STALE,
		[INODE_PRIVATE] = 1u << INODE_VERSION | 1u << INODE_SCRATCH | 1u << INODE_STALE,
		[INODE_SCRATCH] = 1u << INODE_PRIVATE,
	};

	return to_states[from] & 1u << to;
}

/* The caller has what the new state needs, or gets it before it calls inode_check(). */
static void set_state(struct inode *inode, enum inode_state state)
{
	bool moves = inode->state != INODE_SCRATCH && state != INODE_SCRATCH; /* to another list */

	assert(is_arrow(inode->state, state));
	if (moves)
		name_unlist_locked(inode);
	inode->state = state;
	if (moves)
		name_list_locked(inode);
}

/* Identity as the world sees it: an entry without one shows a hash of its key. */
static uint64_t identity_of(const struct inodes *t, const struct name *name,
			    const struct meta *meta)
{
	struct key_buffer key;

	if (meta->ino != 0)
		return meta->ino;
	if (name_key_locked(t, name, &key) < 0)
		return 1;
	return inode_ino_of_key(key_make(key.bytes, key.size), false);
}

struct inode *inode_new_version_locked(struct inodes *t, struct name *name, const struct meta *meta)
{
	struct inode *inode = inode_new_locked(t, INODE_FILE, name);

	assert(lock_is_held(&t->lock));
	if (!inode)
		return NULL;
	set_state(inode, INODE_STALE); /* until it is the name's version */
	meta_copy(&inode->meta, meta);
	inode->ino = identity_of(t, name, meta);
	return inode;
}

/* What every private inode starts with; base NULL: an empty, fresh set. */
static void become_private(struct inodes *t, struct inode *inode, struct value *base, pid_t owner)
{
	struct content *c = &inode->content;

	set_state(inode, INODE_PRIVATE);
	inode->owner = owner;
	inode->size_told = false;
	inode->stored = false;
	if (!inode->made)
		inode->given_how = GIVEN_NOTHING;
	inode->made = false;
	inode->published = base != NULL;
	working_copy_init(&c->copy, &t->copies, base);
	c->live = true;
	c->dirty = inode->given_how == GIVEN_WAITS;
	__atomic_store_n(&c->fresh, !base, __ATOMIC_RELAXED);
	c->withheld = false;
	c->failure = 0;
	if (!base) {
		inode->meta.size = 0;
		inode->meta.mtime = time_now();
	}
	inode_check(inode);
}

struct inode *inode_new_private_locked(struct inodes *t, struct name *name, const struct meta *meta,
				       struct value *base, pid_t owner)
{
	struct inode *inode = inode_new_version_locked(t, name, meta);
	const struct inode *version = name->version;

	assert(lock_is_held(&t->lock));
	if (!inode)
		return NULL;
	if (version && version->made && version->meta.ino == meta->ino) {
		inode->made = true;
		inode->given = version->given;
		inode->given_how = version->given_how;
	}
	become_private(t, inode, base, owner);
	return inode;
}

struct inode *name_version_locked(struct inodes *t, struct name *name, const struct meta *meta)
{
	struct inode *v = name->version;

	assert(lock_is_held(&t->lock));
	name->unlinked = false;
	if (v && meta_same_value(&v->meta, meta)) {
		struct meta old = v->meta;
		meta_copy(&v->meta, meta); /* mode, times and the like may have changed */
		inodes_bury_meta_locked(t, &old);
		return v;
	}
	struct inode *inode = inode_new_version_locked(t, name, meta);
	if (!inode)
		return NULL;
	if (v)
		inode_retire_locked(t, v);
	set_state(inode, INODE_VERSION);
	name->version = inode;
	inode_check(inode);
	return inode;
}

void inode_note_made_locked(struct inodes *t, struct inode *version)
{
	struct inode **slot = &t->made[t->made_next++ % MADE_KEPT], *before = *slot;

	assert(lock_is_held(&t->lock));
	assert(version->state == INODE_VERSION);
	version->made = true;
	inode_pin_locked(version);
	*slot = version;
	if (before)
		inode_unpin_locked(t, before);
}

void inode_retire_locked(struct inodes *t, struct inode *inode)
{
	assert(lock_is_held(&t->lock));
	(void)t;
	if (inode->kind != INODE_FILE || inode->state != INODE_VERSION)
		return;
	assert(inode->name && inode->name->version == inode);
	inode->name->version = NULL;
	inode->made = false;
	set_state(inode, INODE_STALE);
	inode_check(inode);
}

void inode_take_over_locked(struct inodes *t, struct inode *inode, struct value *base, pid_t owner)
{
	assert(lock_is_held(&t->lock));
	assert(inode->state == INODE_VERSION && inode_is_idle_locked(inode) &&
	       inode->name->version == inode);
	assert(!inode->value);
	inode->name->version = NULL;
	become_private(t, inode, base, owner);
}

/* The content goes, when no handle can look at it any more. */
static void drop_content(struct inodes *t, struct inode *inode)
{
	if (inode->content.live)
		inodes_bury_content_locked(t, &inode->content.copy);
	inode->content.live = false;
	__atomic_store_n(&inode->content.dirty, false, __ATOMIC_RELAXED);
	__atomic_store_n(&inode->content.fresh, false, __ATOMIC_RELAXED);
}

void inode_settle_locked(struct inodes *t, struct inode *inode)
{
	assert(lock_is_held(&t->lock));
	if (inode->kind != INODE_FILE || inode->writers > 0 || inode->tickets > 0 ||
	    inode->readers > 0)
		return;
	inode_drop_value_locked(t, inode);
	if (inode_is_scratch(inode))
		return;
	if (inode->state != INODE_PRIVATE) {
		drop_content(t, inode);
		return;
	}
	bool current = inode->name && inode->name->holder == inode && inode->published &&
		       !shows_pending(inode);
	bool can_be_version = current && !inode->size_told && !inode->name->version;
	drop_content(t, inode);
	set_state(inode, can_be_version ? INODE_VERSION : INODE_STALE);
	if (can_be_version)
		inode->name->version = inode;
	inode_check(inode);
	inodes_changed_locked(t);
}

void inode_supersede_locked(struct inodes *t, struct inode *inode)
{
	assert(lock_is_held(&t->lock));
	assert(inode_is_private(inode) && inode->name && inode->name->holder != inode);
	__atomic_store_n(&inode->content.dirty, false, __ATOMIC_RELAXED);
	__atomic_store_n(&inode->content.fresh, false, __ATOMIC_RELAXED);
	inode_pin_locked(inode);
	if (inode_is_scratch(inode))
		inode_end_scratch_locked(t, inode);
	else
		inode_settle_locked(t, inode);
	inode_unpin_locked(t, inode);
}

void inode_detach_locked(struct inodes *t, struct inode *inode)
{
	struct name *name = inode->name;

	assert(lock_is_held(&t->lock));
	if (!name)
		return;
	inode_retire_locked(t, inode);
	name_unlist_locked(inode);
	if (name->subdir == inode)
		name->subdir = NULL;
	inode->name = NULL;
	inode->former = name;
	if (inode_is_scratch(inode))
		inode_end_scratch_locked(t, inode);
}

/* --- renames ---------------------------------------------------------------------------------- */

void inode_rename_locked(struct inodes *t, struct inode *inode, struct name *to)
{
	struct name *from = inode->name;

	assert(lock_is_held(&t->lock));
	name_ref_locked(to);
	inode->name = to;
	name_put_locked(t, from);
}

/* The kernel may hold the file by a stale inode, and asks it for the attributes of what its name
 * leads to. */
static void move_stale_locked(struct inodes *t, struct name *from, struct name *to)
{
	assert(lock_is_held(&t->lock));
	while (from->stale) {
		struct inode *inode = from->stale;
		from->stale = inode->next_of_name;
		inode->next_of_name = to->stale;
		to->stale = inode;
		inode_rename_locked(t, inode, to);
	}
}

void name_move_files_locked(struct inodes *t, struct name *from, struct name *to, bool published)
{
	assert(lock_is_held(&t->lock));
	name_ref_locked(from);
	move_stale_locked(t, from, to);
	while (to->privates)
		inode_detach_locked(t, to->privates);
	if (published && to->version)
		inode_detach_locked(t, to->version);
	if (published && from->version) {
		struct inode *version = from->version;
		from->version = NULL;
		to->version = version;
		inode_rename_locked(t, version, to);
		version->meta.ctime = time_now();
	}
	to->unlinked = false;
	to->holder = from->holder;
	from->holder = NULL;
	to->privates = from->privates;
	from->privates = NULL;
	for (struct inode *p = to->privates; p; p = p->next_of_name)
		inode_rename_locked(t, p, to);
	from->dir->dir_mtime = to->dir->dir_mtime = time_now();
	name_touch_locked(t, from);
	name_touch_locked(t, to);
	name_put_locked(t, from);
}

/* --- scratch files ---------------------------------------------------------------------------- */

/* It stays when its last handle is gone, and when the kernel forgets it. */
void inode_make_scratch_locked(struct inodes *t, struct inode *inode)
{
	struct content *c = &inode->content;

	assert(lock_is_held(&t->lock));
	assert(inode->state == INODE_PRIVATE && inode->name);
	inode->name->holder = inode;
	inode->name->unlinked = false;
	set_state(inode, INODE_SCRATCH);
	inode->scratch.has_copy = inode->scratch.rests = false;
	inode->published = false;
	if (!is_fresh(inode))
		__atomic_store_n(&c->dirty, true, __ATOMIC_RELAXED);
	else if (inode->given_how == GIVEN_NOTHING)
		inode->meta.own = end_of_wish(inode_default_end_locked(inode->name->dir),
					      time_instant(inode->table->time));
	if (inode->given_how == GIVEN)
		inode->given = inode->meta.own;
	inode_pin_locked(inode);
	t->scratch_count++;
	inode->scratch.uid = inode->meta.uid;
	t->scratch_by_uid[inode->scratch.uid % SCRATCH_UIDS]++;
	TAILQ_INSERT_TAIL(&t->restless, inode, scratch.in_list);
	inode_rest_locked(t, inode);
	inode_check(inode);
}

static void leave_scratch_list(struct inodes *t, struct inode *inode)
{
	TAILQ_REMOVE(inode->scratch.rests ? &t->resting : &t->restless, inode, scratch.in_list);
}

void inode_end_scratch_locked(struct inodes *t, struct inode *inode)
{
	assert(lock_is_held(&t->lock));
	leave_scratch_list(t, inode);
	inode->scratch.has_copy = inode->scratch.rests = false;
	set_state(inode, INODE_PRIVATE);
	if (inode->given_how == GIVEN) /* as an end it is the entry's, or goes with the file */
		inode->given_how = GIVEN_NOTHING;
	assert(t->scratch_count > 0);
	t->scratch_count--;
	t->scratch_by_uid[inode->scratch.uid % SCRATCH_UIDS]--;
	inode_bury_saved_locked(t, inode);
	inode_settle_locked(t, inode);
	inode_unpin_locked(t, inode);
}

bool inode_is_unstored_locked(const struct inode *inode)
{
	assert(lock_is_held(&inode->table->lock));
	return !inode->scratch.has_copy || inode_has_news_locked(inode) || is_fresh(inode);
}

void inode_note_unstored_locked(struct inode *inode)
{
	assert(lock_is_held(&inode->table->lock));
	if (inode_is_scratch(inode) && !is_fresh(inode))
		__atomic_store_n(&inode->content.dirty, true, __ATOMIC_RELAXED);
}

void inode_rest_locked(struct inodes *t, struct inode *inode)
{
	assert(lock_is_held(&t->lock));
	if (!inode_is_scratch(inode))
		return;
	bool kept = name_is_lock(inode->name) && !inode_is_unstored_locked(inode);

	leave_scratch_list(t, inode);
	inode->scratch.rests = inode->writers == 0 && inode->meta.size > 0 && !kept;
	inode->scratch.rests_ms = time_mono_ms(inode->table->time);
	if (inode->scratch.rests && TAILQ_EMPTY(&t->resting))
		pthread_cond_signal(&t->rest_begins);
	TAILQ_INSERT_TAIL(inode->scratch.rests ? &t->resting : &t->restless, inode,
			  scratch.in_list);
}

struct end inode_scratch_end_locked(const struct inode *inode)
{
	assert(lock_is_held(&inode->table->lock));
	switch (inode->given_how) {
	case GIVEN_WAITS:
		return end_none();
	case GIVEN:
		return inode->given;
	case GIVEN_NOTHING:
	default:
		return inode->meta.own;
	}
}

bool inode_scratch_is_over_locked(const struct inode *inode)
{
	struct end end = inode_scratch_end_locked(inode);

	assert(lock_is_held(&inode->table->lock));
	return end_comes(end) && end_is_over(end, time_instant(inode->table->time));
}
