/* See name.h. A name knows only its part and its directory, so the rename of a directory changes
 * nothing below it. */
#include "inodes/name.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inodes/key_escape.h"
#include "inodes/table.h"

/* --- the table of names ----------------------------------------------------------------------- */

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

	assert(lock_is_held(&t->lock));
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
	assert(lock_is_held(&t->lock));
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

	assert(lock_is_held(&t->lock));
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

	assert(lock_is_held(&t->lock));
	if (key_escape_decode(text, inode_is_top_locked(t, dir), &bytes) == ESCAPE_BYTES)
		part = key_make(bytes.bytes, bytes.size);
	return name_get_part_locked(t, dir, text, part);
}

struct name *name_get_part_locked(struct inodes *t, struct inode *dir, struct key text,
				  struct key part)
{
	struct name *n = name_find_locked(t, dir, text);

	assert(lock_is_held(&t->lock));
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
	dir->pins++;
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

void name_ref_locked(struct name *name)
{
	assert(lock_is_held(&name->dir->table->lock));
	name->refs++;
}

struct inode *name_drop_locked(struct inodes *t, struct name *n)
{
	struct inode *dir = n->dir;

	assert(lock_is_held(&t->lock) && n->refs > 0);
	if (--n->refs > 0)
		return NULL;
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
	free(n);
	return dir;
}

void name_touch_locked(struct inodes *t, struct name *name)
{
	assert(lock_is_held(&t->lock));
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

	assert(lock_is_held(&t->lock));
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

/* --- keys ------------------------------------------------------------------------------------- */

int name_key_locked(const struct inodes *t, const struct name *name, struct key_buffer *key)
{
	size_t end = KEY_MAX;
	bool last = true;

	assert(lock_is_held(&t->lock));
	/* From the last part backwards, then moved to the front. */
	for (const struct name *n = name;; n = n->dir->name) {
		if (!n->is_own) {
			if (n->part.size + !last > end)
				return -ENAMETOOLONG;
			if (!last)
				key->bytes[--end] = '/';
			last = false;
			end -= n->part.size;
			memcpy(key->bytes + end, n->part.bytes, n->part.size);
		}
		if (n->dir == &t->root || (n->dir->kind == INODE_VIRTUAL && !n->dir->name))
			break;
		if (!n->dir->name)
			return -ENOENT; /* below a removed directory */
	}
	key->size = KEY_MAX - end;
	memmove(key->bytes, key->bytes + end, key->size);
	key->bytes[key->size] = '\0';
	return 0;
}

int inode_key_locked(const struct inodes *t, const struct inode *inode, struct key_buffer *key)
{
	assert(lock_is_held(&t->lock));
	if (inode == &t->root) {
		key->size = 0;
		key->bytes[0] = '\0';
		return 0;
	}
	return inode->name ? name_key_locked(t, inode->name, key) : -ENOENT;
}

int inode_key(struct inodes *t, const struct inode *inode, struct key_buffer *key)
{
	inodes_lock(t);
	int rc = inode_key_locked(t, inode, key);
	inodes_unlock(t);
	return rc;
}

static int check(int rc, const struct key_buffer *now, struct key key)
{
	return rc == 0 && !key_equal(key_make(now->bytes, now->size), key) ? -EAGAIN : rc;
}

int name_check_key_locked(const struct inodes *t, const struct name *name, struct key key)
{
	struct key_buffer now;
	int rc = name->dir->removed ? -ENOENT : name_key_locked(t, name, &now);

	assert(lock_is_held(&t->lock));
	return check(rc, &now, key);
}

int inode_check_key_locked(const struct inodes *t, const struct inode *inode, struct key key)
{
	struct key_buffer now;
	int rc = inode_key_locked(t, inode, &now);

	assert(lock_is_held(&t->lock));
	return check(rc, &now, key);
}

int inode_check_key(struct inodes *t, const struct inode *inode, struct key key)
{
	inodes_lock(t);
	int rc = inode_check_key_locked(t, inode, key);
	inodes_unlock(t);
	return rc;
}

bool name_is_lock(const struct name *name)
{
	static const char suffix[] = ".lock";
	size_t size = sizeof(suffix) - 1;

	return name->size >= size && memcmp(name->text + name->size - size, suffix, size) == 0;
}

/* --- the inodes of a name --------------------------------------------------------------------- */

/* The list of its name that an inode is in, by its state; NULL: none. */
static struct inode **list_of(const struct inode *inode)
{
	if (inode->kind != INODE_FILE || !inode->name || inode->state == INODE_NONE ||
	    inode->state == INODE_VERSION)
		return NULL;
	return inode_is_private(inode) ? &inode->name->privates : &inode->name->stale;
}

void name_list_locked(struct inode *inode)
{
	struct inode **list = list_of(inode);

	assert(lock_is_held(&inode->table->lock));
	if (!list)
		return;
	inode->next_of_name = *list;
	*list = inode;
}

void name_unlist_locked(struct inode *inode)
{
	struct inode **link = list_of(inode);

	assert(lock_is_held(&inode->table->lock));
	if (!link)
		return;
	while (*link != inode)
		link = &(*link)->next_of_name;
	*link = inode->next_of_name;
	inode->next_of_name = NULL;
	if (inode->name->holder == inode)
		inode->name->holder = NULL;
}
