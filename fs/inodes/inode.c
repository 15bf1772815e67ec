/* See inode.h. */
#include "inodes/inode.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/waiting.h"
#include "inodes/key_escape.h"
#include "inodes/saved.h"
#include "inodes/ticket.h"

enum { BUCKETS_MIN = 256, HEAP_COPIES = 256 };

/* What was let go of under the lock. */
struct graveyard {
	struct graveyard *next;
	struct value *value;
	struct meta meta;
	struct working_copy copy;
	struct saved *saved;
	struct inode *inode;
};

static void free_inode(struct inode *inode)
{
	value_unref(inode->value);
	meta_fini(&inode->meta);
	working_copy_fini(&inode->content.copy);
	lock_fini(&inode->content.lock);
	free(inode);
}

/* --- the table -------------------------------------------------------------------------------- */

int inodes_init(struct inodes *t, uint64_t heap_max, const struct view *dir_view,
		const struct view *file_view)
{
	*t = (struct inodes){ .bucket_count = BUCKETS_MIN,
			      .dir_view = dir_view,
			      .file_view = file_view };
	t->buckets = calloc(t->bucket_count, sizeof(*t->buckets));
	if (!t->buckets)
		return -ENOMEM;
	lock_init(&t->lock, RANK_INODES);
	condition_init(&t->changed);
	condition_init(&t->rest_begins);
	TAILQ_INIT(&t->resting);
	TAILQ_INIT(&t->restless);
	t->copies.heap_max_bytes = heap_max;
	t->copies.heap_total_bytes = heap_max * HEAP_COPIES;
	t->root.kind = INODE_DIR;
	t->root.view = dir_view;
	t->root.lookups = 1;
	t->root.dir_rmdir = -1;
	return 0;
}

static struct graveyard *bury(struct inodes *t)
{
	struct graveyard *g = calloc(1, sizeof(*g));

	/* Without a few bytes nothing can be freed either: it leaks rather than blocks everybody.
	 */
	if (!g)
		return NULL;
	g->copy = (struct working_copy){ .fd = -1, .spare = -1 };
	g->next = t->graveyard;
	t->graveyard = g;
	return g;
}

void inodes_bury_value_locked(struct inodes *t, struct value *value)
{
	struct graveyard *g = value ? bury(t) : NULL;

	if (g)
		g->value = value;
}

void inodes_bury_meta_locked(struct inodes *t, struct meta *meta)
{
	struct graveyard *g = meta->xattrs ? bury(t) : NULL;

	if (g)
		g->meta = *meta;
	*meta = (struct meta){ 0 };
}

void inode_bury_saved_locked(struct inodes *t, struct inode *inode)
{
	struct graveyard *g = inode->saved && !inode->saving ? bury(t) : NULL;

	if (!g)
		return; /* or its thread does it */
	g->saved = inode->saved;
	inode->saved = NULL;
}

void inodes_lock(struct inodes *t)
{
	lock_take(&t->lock);
}

void inodes_unlock(struct inodes *t)
{
	struct graveyard *g = t->graveyard;

	t->graveyard = NULL;
	lock_release(&t->lock);
	while (g) {
		struct graveyard *next = g->next;
		value_unref(g->value);
		meta_fini(&g->meta);
		working_copy_fini(&g->copy);
		saved_free(g->saved);
		if (g->inode)
			free_inode(g->inode);
		free(g);
		g = next;
	}
}

bool inodes_wait_locked(struct inodes *t, const struct deadline *deadline)
{
	return !t->stopping && condition_wait_until(&t->changed, &t->lock, deadline);
}

void inodes_changed_locked(struct inodes *t)
{
	pthread_cond_broadcast(&t->changed);
}

uint64_t inode_id(const struct inodes *t, const struct inode *inode)
{
	return inode == &t->root ? 1 : (uint64_t)(uintptr_t)inode;
}

struct inode *inode_at(struct inodes *t, uint64_t id)
{
	return id == 1 ? &t->root : (struct inode *)(uintptr_t)id;
}

/* --- names ------------------------------------------------------------------------------------ */

static size_t bucket_of(const struct inodes *t, const struct inode *dir, struct key text)
{
	uint64_t hash = key_hash(text) ^ ((uint64_t)(uintptr_t)dir * 0x9e3779b97f4a7c15u);

	return (size_t)(hash ^ (hash >> 32)) & (t->bucket_count - 1);
}

static struct key name_text(const struct name *n)
{
	return key_make(n->text, n->size);
}

static void grow_locked(struct inodes *t)
{
	struct name **old = t->buckets;
	size_t old_count = t->bucket_count;
	struct name **buckets = calloc(old_count * 2, sizeof(*buckets));

	if (!buckets)
		return; /* slower, not wrong */
	t->buckets = buckets;
	t->bucket_count = old_count * 2;
	for (size_t i = 0; i < old_count; i++) {
		for (struct name *n = old[i], *next; n; n = next) {
			next = n->next_hash;
			size_t b = bucket_of(t, n->dir, name_text(n));
			n->next_hash = buckets[b];
			buckets[b] = n;
		}
	}
	free(old);
}

bool inode_is_top_locked(const struct inodes *t, const struct inode *dir)
{
	if (dir->kind == INODE_VIRTUAL) /* one layer's; above it is `layers`, which has no name */
		return dir->name && !dir->name->dir->name;
	return dir == &t->root;
}

/* Whether a name in dir stands for the directory's own value. */
static bool is_own_value(const struct inode *dir, struct key text)
{
	return dir->own_value && key_equal(text, key_of(ESCAPE_SELF));
}

struct name *name_find_locked(struct inodes *t, struct inode *dir, struct key text)
{
	struct name *n = t->buckets[bucket_of(t, dir, text)];
	bool is_own = is_own_value(dir, text);

	while (n && (n->dir != dir || n->is_own != is_own || !key_equal(name_text(n), text)))
		n = n->next_hash;
	return n;
}

static struct name *new_name(struct key text, struct key part)
{
	bool escaped = !key_equal(text, part);
	struct name *n = calloc(1, sizeof(*n) + text.size + 1 + (escaped ? part.size : 0));

	if (!n)
		return NULL;
	memcpy(n->text, text.bytes, text.size);
	n->size = text.size;
	n->part = name_text(n);
	if (escaped) {
		n->part = key_make(n->text + text.size + 1, part.size);
		memcpy(n->text + text.size + 1, part.bytes, part.size);
	}
	return n;
}

struct name *name_get_locked(struct inodes *t, struct inode *dir, struct key text)
{
	struct escape_text bytes;
	struct key part = text;

	if (key_escape_decode(text, inode_is_top_locked(t, dir), &bytes) == ESCAPE_BYTES)
		part = key_make(bytes.bytes, bytes.size);
	return name_get_part_locked(t, dir, text, part);
}

struct name *name_get_part_locked(struct inodes *t, struct inode *dir, struct key text,
				  struct key part)
{
	struct name *n = name_find_locked(t, dir, text);

	if (n) {
		n->refs++;
		return n;
	}
	n = new_name(text, part);
	if (!n)
		return NULL;
	if (t->name_count >= t->bucket_count)
		grow_locked(t);
	n->is_own = is_own_value(dir, text);
	n->refs = 1;
	n->dir = dir;
	n->changed_at = t->clock;
	inode_pin_locked(dir);
	n->next = dir->names;
	if (n->next)
		n->next->previous = n;
	dir->names = n;
	size_t b = bucket_of(t, dir, text);
	n->next_hash = t->buckets[b];
	t->buckets[b] = n;
	t->name_count++;
	return n;
}

void name_put_locked(struct inodes *t, struct name *n)
{
	if (--n->refs > 0)
		return;
	assert(!n->version && !n->holder && !n->privates && !n->stale && !n->subdir &&
	       n->publishing == 0);
	struct name **link = &t->buckets[bucket_of(t, n->dir, name_text(n))];
	while (*link != n)
		link = &(*link)->next_hash;
	*link = n->next_hash;
	if (n->previous)
		n->previous->next = n->next;
	else
		n->dir->names = n->next;
	if (n->next)
		n->next->previous = n->previous;
	t->name_count--;
	inode_unpin_locked(t, n->dir);
	free(n);
}

void name_touch_locked(struct inodes *t, struct name *name)
{
	name->changed_at = ++t->clock;
	inodes_changed_locked(t);
}

struct name *name_find_key_locked(struct inodes *t, struct key key)
{
	struct inode *dir = &t->root;
	struct key dir_key = KEY_ROOT;
	struct escape_text text;
	bool deeper = true;
	struct name *n = NULL;

	while (deeper && dir) {
		struct key part = key_child(key, dir_key, &deeper);
		key_escape_encode(part, dir == &t->root, dir->own_value, &text);
		n = name_find_locked(t, dir, key_make(text.bytes, text.size));
		dir = n ? n->subdir : NULL;
		dir_key = key_make(key.bytes, (size_t)(part.bytes + part.size - key.bytes));
	}
	if (deeper)
		return NULL;
	return dir && dir->own_value ? name_find_locked(t, dir, key_of(ESCAPE_SELF)) : n;
}

/* Reading flags of the content without its lock: each is one byte, and a stale answer is one of a
 * moment ago. */
static bool shows_pending(const struct inode *inode)
{
	const struct content *c = &inode->content;

	if (inode->scratch)
		return inode->writers > 0 || !inode_scratch_is_over_locked(inode);
	return __atomic_load_n(&c->dirty, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&c->fresh, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&c->in_flight, __ATOMIC_RELAXED);
}

bool inode_has_news_locked(const struct inode *inode)
{
	return __atomic_load_n(&inode->content.dirty, __ATOMIC_RELAXED);
}

struct inode *name_pending_locked(const struct name *name)
{
	if (name->holder && shows_pending(name->holder))
		return name->holder;
	for (struct inode *p = name->privates; p; p = p->next_of_name)
		if (shows_pending(p))
			return p;
	return NULL;
}

/* --- life of an inode ------------------------------------------------------------------------- */

static struct inode *new_inode(struct inodes *t, enum inode_kind kind, struct name *name)
{
	struct inode *inode = calloc(1, sizeof(*inode));

	if (!inode)
		return NULL;
	inode->kind = kind;
	inode->view = kind == INODE_DIR ? t->dir_view : t->file_view;
	inode->name = name;
	if (name)
		name->refs++;
	inode->dir_rmdir = -1;
	inode->content.copy = (struct working_copy){ .fd = -1, .spare = -1 };
	lock_init(&inode->content.lock, RANK_CONTENT);
	inode->next = t->all;
	if (inode->next)
		inode->next->previous = inode;
	t->all = inode;
	t->inode_count++;
	return inode;
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

struct inode *inode_new_dir_locked(struct inodes *t, struct name *name)
{
	struct inode *inode = new_inode(t, INODE_DIR, name);

	if (inode)
		name->subdir = inode;
	return inode;
}

struct inode *inode_new_virtual_locked(struct inodes *t, const struct view *view, int virtual_file,
				       struct name *name)
{
	struct inode *inode = new_inode(t, INODE_VIRTUAL, name);

	if (!inode)
		return NULL;
	inode->view = view;
	inode->virtual_file = virtual_file;
	if (name)
		name->subdir = inode;
	return inode;
}

/* The list of its name that an inode is in, by its state; NULL: none. */
static struct inode **list_of(const struct inode *inode)
{
	if (inode->kind != INODE_FILE || !inode->name || inode->state == INODE_VERSION)
		return NULL;
	return inode->state == INODE_PRIVATE ? &inode->name->privates : &inode->name->stale;
}

static void leave_list(struct inode *inode)
{
	struct inode **link = list_of(inode);

	if (!link)
		return;
	while (*link != inode)
		link = &(*link)->next_of_name;
	*link = inode->next_of_name;
	inode->next_of_name = NULL;
	if (inode->name->holder == inode)
		inode->name->holder = NULL;
}

static void set_state(struct inode *inode, enum inode_state state)
{
	leave_list(inode);
	inode->state = state;
	struct inode **list = list_of(inode);
	if (list) {
		inode->next_of_name = *list;
		*list = inode;
	}
}

struct inode *inode_new_version_locked(struct inodes *t, struct name *name, const struct meta *meta)
{
	struct inode *inode = new_inode(t, INODE_FILE, name);

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
}

struct inode *inode_new_private_locked(struct inodes *t, struct name *name, const struct meta *meta,
				       struct value *base, pid_t owner)
{
	struct inode *inode = inode_new_version_locked(t, name, meta);
	const struct inode *version = name->version;

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

bool inode_keep_unsaved_locked(struct inodes *t, struct inode *inode)
{
	if (inode->kind != INODE_DIR || inode->dir_mtime.tv_sec == 0 || inode->unsaved ||
	    (!inode->name && inode != &t->root))
		return false;
	inode->unsaved = true;
	inode->next_unsaved = t->unsaved;
	t->unsaved = inode;
	inode_pin_locked(inode);
	return true;
}

struct inode *inodes_take_unsaved_locked(struct inodes *t)
{
	struct inode *inode = t->unsaved;

	if (inode) {
		t->unsaved = inode->next_unsaved;
		inode->unsaved = false;
	}
	return inode;
}

static void maybe_free(struct inodes *t, struct inode *inode)
{
	if (inode->lookups > 0 || inode->pins > 0 || inode == &t->root ||
	    inode_keep_unsaved_locked(t, inode))
		return;
	assert(inode->readers == 0 && inode->writers == 0 && inode->tickets == 0 && !inode->names);
	struct name *name = inode->name;
	if (name) {
		leave_list(inode);
		if (name->version == inode)
			name->version = NULL;
		if (name->subdir == inode)
			name->subdir = NULL;
		inode->name = NULL;
	}
	if (inode->previous)
		inode->previous->next = inode->next;
	else
		t->all = inode->next;
	if (inode->next)
		inode->next->previous = inode->previous;
	t->inode_count--;
	struct name *former = inode->former;
	struct graveyard *g = bury(t);
	if (g)
		g->inode = inode;
	if (name)
		name_put_locked(t, name);
	if (former)
		name_put_locked(t, former);
}

void inode_pin_locked(struct inode *inode)
{
	inode->pins++;
}

void inode_note_made_locked(struct inodes *t, struct inode *version)
{
	struct inode **slot = &t->made[t->made_next++ % MADE_KEPT], *before = *slot;

	assert(version->state == INODE_VERSION);
	version->made = true;
	inode_pin_locked(version);
	*slot = version;
	if (before)
		inode_unpin_locked(t, before);
}

void inode_unpin_locked(struct inodes *t, struct inode *inode)
{
	assert(inode->pins > 0);
	inode->pins--;
	maybe_free(t, inode);
}

void inode_forget_locked(struct inodes *t, struct inode *inode, uint64_t lookups)
{
	if (inode == &t->root)
		return;
	assert(inode->lookups >= lookups);
	inode->lookups -= lookups;
	maybe_free(t, inode);
}

/* --- transitions ------------------------------------------------------------------------------ */

struct inode *name_version_locked(struct inodes *t, struct name *name, const struct meta *meta)
{
	struct inode *v = name->version;

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
	return inode;
}

bool inode_is_idle_locked(const struct inode *inode)
{
	return inode->readers == 0 && inode->writers == 0 && inode->tickets == 0;
}

void inode_retire_locked(struct inodes *t, struct inode *inode)
{
	(void)t;
	if (inode->kind != INODE_FILE || inode->state != INODE_VERSION)
		return;
	assert(inode->name && inode->name->version == inode);
	inode->name->version = NULL;
	inode->made = false;
	set_state(inode, INODE_STALE);
}

void inode_take_over_locked(struct inodes *t, struct inode *inode, struct value *base, pid_t owner)
{
	assert(inode->state == INODE_VERSION && inode_is_idle_locked(inode) &&
	       inode->name->version == inode);
	assert(!inode->value);
	inode->name->version = NULL;
	become_private(t, inode, base, owner);
}

/* The content goes, when no handle can look at it any more. */
static void drop_content(struct inodes *t, struct inode *inode)
{
	struct graveyard *g = inode->content.live ? bury(t) : NULL;

	if (g)
		g->copy = inode->content.copy;
	inode->content.copy = (struct working_copy){ .fd = -1, .spare = -1 };
	inode->content.live = false;
	__atomic_store_n(&inode->content.dirty, false, __ATOMIC_RELAXED);
	__atomic_store_n(&inode->content.fresh, false, __ATOMIC_RELAXED);
}

void inode_supersede_locked(struct inodes *t, struct inode *inode)
{
	assert(inode->state == INODE_PRIVATE && inode->name && inode->name->holder != inode);
	__atomic_store_n(&inode->content.dirty, false, __ATOMIC_RELAXED);
	__atomic_store_n(&inode->content.fresh, false, __ATOMIC_RELAXED);
	inode_pin_locked(inode);
	if (inode->scratch)
		inode_end_scratch_locked(t, inode);
	else
		inode_settle_locked(t, inode);
	inode_unpin_locked(t, inode);
}

void inode_settle_locked(struct inodes *t, struct inode *inode)
{
	if (inode->kind != INODE_FILE || inode->writers > 0 || inode->tickets > 0 ||
	    inode->readers > 0)
		return;
	inode_drop_value_locked(t, inode);
	if (inode->scratch)
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
	inodes_changed_locked(t);
}

void inode_detach_locked(struct inodes *t, struct inode *inode)
{
	struct name *name = inode->name;

	if (!name)
		return;
	inode_retire_locked(t, inode);
	leave_list(inode);
	if (name->subdir == inode)
		name->subdir = NULL;
	inode->name = NULL;
	inode->former = name;
	if (inode->scratch)
		inode_end_scratch_locked(t, inode);
}

void inode_pin_value_locked(struct inodes *t, struct inode *inode, struct value *value)
{
	(void)t;
	if (!inode->value)
		inode->value = value_ref(value);
}

void inode_drop_value_locked(struct inodes *t, struct inode *inode)
{
	if (inode->readers > 0 || inode->tickets > 0)
		return;
	inodes_bury_value_locked(t, inode->value);
	inode->value = NULL;
}

/* --- the rest --------------------------------------------------------------------------------- */

void inode_content_lock(struct inode *inode)
{
	if (!lock_try(&inode->content.lock)) {
		waiting_begin();
		lock_take(&inode->content.lock);
	}
}

void inode_content_unlock(struct inode *inode)
{
	lock_release(&inode->content.lock);
}

uint64_t inode_draw_ino(void)
{
	uint64_t ino = 0;

	while (ino < 2)
		if (getrandom(&ino, sizeof(ino), 0) != (ssize_t)sizeof(ino))
			ino = 0;
	return ino;
}

uint64_t inode_ino_of_key(struct key key, bool is_dir)
{
	/* A key may be an entry and a directory: two files. */
	uint64_t hash = key_hash(key) ^ (is_dir ? 0x9e3779b97f4a7c15u : 0);

	return hash > 1 ? hash : 2;
}

void inode_walk_locked(struct inode *dir, void (*visit)(struct inodes *t, struct name *name),
		       struct inodes *t)
{
	for (struct name *n = dir->names, *next; n; n = next) {
		n->refs++;
		if (n->subdir)
			inode_walk_locked(n->subdir, visit, t);
		visit(t, n);
		next = n->next;
		name_put_locked(t, n);
	}
}

void inodes_fini(struct inodes *t)
{
	tickets_fini(t);
	/* The kernel sends no FORGETs at unmount: what is left goes now, in any order. */
	while (t->all) {
		struct inode *inode = t->all;
		t->all = inode->next;
		free_inode(inode);
	}
	for (size_t i = 0; i < t->bucket_count; i++) {
		while (t->buckets[i]) {
			struct name *n = t->buckets[i];
			t->buckets[i] = n->next_hash;
			free(n);
		}
	}
	meta_fini(&t->root.meta);
	free(t->buckets);
	lock_fini(&t->lock);
	pthread_cond_destroy(&t->changed);
	pthread_cond_destroy(&t->rest_begins);
}
