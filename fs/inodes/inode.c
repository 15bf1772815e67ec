/* See inode.h. */
#include "inodes/inode.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/waiting.h"
#include "inodes/name.h"
#include "inodes/table.h"

struct inode *inode_new_locked(struct inodes *t, enum inode_kind kind, struct name *name)
{
	struct inode *inode = calloc(1, sizeof(*inode));

	assert(lock_is_held(&t->lock));
	if (!inode)
		return NULL;
	inode->kind = kind;
	inode->table = t;
	inode->view = kind == INODE_DIR ? t->dir_view : t->file_view;
	inode->name = name;
	if (name)
		name_ref_locked(name);
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

struct inode *inode_new_dir_locked(struct inodes *t, struct name *name)
{
	struct inode *inode = inode_new_locked(t, INODE_DIR, name);

	assert(lock_is_held(&t->lock));
	if (inode)
		name->subdir = inode;
	return inode;
}

struct inode *inode_new_virtual_locked(struct inodes *t, const struct view *view, int virtual_file,
				       struct name *name)
{
	struct inode *inode = inode_new_locked(t, INODE_VIRTUAL, name);

	assert(lock_is_held(&t->lock));
	if (!inode)
		return NULL;
	inode->view = view;
	inode->virtual_file = virtual_file;
	if (name)
		name->subdir = inode;
	return inode;
}

bool inode_keep_unsaved_locked(struct inodes *t, struct inode *inode)
{
	assert(lock_is_held(&t->lock));
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

	assert(lock_is_held(&t->lock));
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
		name_unlist_locked(inode);
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
	inodes_bury_inode_locked(t, inode);
	if (name)
		name_put_locked(t, name);
	if (former)
		name_put_locked(t, former);
}

void name_put_locked(struct inodes *t, struct name *name)
{
	struct inode *dir = name_drop_locked(t, name);

	assert(lock_is_held(&t->lock));
	if (dir)
		inode_unpin_locked(t, dir);
}

void name_publishing_locked(struct name *name)
{
	name_ref_locked(name);
	name->publishing++;
}

void name_published_locked(struct inodes *t, struct name *name)
{
	assert(lock_is_held(&t->lock) && name->publishing > 0);
	name->publishing--;
	inodes_changed_locked(t);
	name_put_locked(t, name);
}

void inode_pin_locked(struct inode *inode)
{
	assert(lock_is_held(&inode->table->lock));
	inode->pins++;
}

void inode_unpin_locked(struct inodes *t, struct inode *inode)
{
	assert(lock_is_held(&t->lock) && inode->pins > 0);
	inode->pins--;
	maybe_free(t, inode);
}

void inode_forget_locked(struct inodes *t, struct inode *inode, uint64_t lookups)
{
	assert(lock_is_held(&t->lock));
	if (inode == &t->root)
		return;
	assert(inode->lookups >= lookups);
	inode->lookups -= lookups;
	maybe_free(t, inode);
}

struct end inode_default_end_locked(const struct inode *dir)
{
	assert(lock_is_held(&dir->table->lock));
	while (end_kind(dir->default_end) == END_NONE && dir->name)
		dir = dir->name->dir;
	return dir->default_end;
}

bool inode_has_news_locked(const struct inode *inode)
{
	assert(lock_is_held(&inode->table->lock));
	return __atomic_load_n(&inode->content.dirty, __ATOMIC_RELAXED);
}

bool inode_is_idle_locked(const struct inode *inode)
{
	assert(lock_is_held(&inode->table->lock));
	return inode->readers == 0 && inode->writers == 0 && inode->tickets == 0;
}

void inode_pin_value_locked(struct inodes *t, struct inode *inode, struct value *value)
{
	assert(lock_is_held(&t->lock));
	(void)t;
	if (!inode->value)
		inode->value = value_ref(value);
}

void inode_drop_value_locked(struct inodes *t, struct inode *inode)
{
	assert(lock_is_held(&t->lock));
	if (inode->readers > 0 || inode->tickets > 0)
		return;
	inodes_bury_value_locked(t, inode->value);
	inode->value = NULL;
}

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
	assert(lock_is_held(&t->lock));
	for (struct name *n = dir->names, *next; n; n = next) {
		name_ref_locked(n);
		if (n->subdir)
			inode_walk_locked(n->subdir, visit, t);
		visit(t, n);
		next = n->next;
		name_put_locked(t, n);
	}
}
