/* See handle.h. */
#include "verbs/handle.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { STORE_MAX_BYTES = 64 * 1024 };

void handle_insert_locked(struct fs *fs, struct handle *h, struct inode *inode, bool writer)
{
	assert(lock_is_held(&fs->inodes.lock));
	h->inode = inode;
	h->writer = writer;
	inode_pin_locked(inode);
	if (writer) {
		inode->writers++;
		inode_rest_locked(&fs->inodes, inode);
	} else {
		inode->readers++;
	}
	h->next = fs->handles;
	if (h->next)
		h->next->previous = h;
	fs->handles = h;
	fs->handle_count++;
}

void handle_remove_locked(struct fs *fs, struct handle *h)
{
	struct inodes *t = &fs->inodes;
	struct inode *inode = h->inode;

	assert(lock_is_held(&t->lock));
	assert((h->writer ? inode->writers : inode->readers) > 0 && fs->handle_count > 0);
	if (h->previous)
		h->previous->next = h->next;
	else
		fs->handles = h->next;
	if (h->next)
		h->next->previous = h->previous;
	fs->handle_count--;
	if (h->writer) {
		inode->writers--;
		inode_rest_locked(t, inode);
	} else {
		inode->readers--;
	}
	inode_settle_locked(t, inode);
	inode_unpin_locked(t, inode);
}

void handle_free(struct handle *h)
{
	if (h->value)
		value_let_go(h->value);
	value_unref(h->value);
	if (h->commands)
		h->commands_free(h->commands);
	free(h);
}

bool handle_is_only_writer(struct fs *fs, const struct handle *h)
{
	inodes_lock(&fs->inodes);
	bool only = h->inode->writers == 1;
	inodes_unlock(&fs->inodes);
	return only;
}

static void open_virtual(struct fs *fs, struct handle *h, struct inode *inode)
{
	inodes_lock(&fs->inodes);
	if (h->value)
		inode->meta.size = value_size(h->value);
	handle_insert_locked(fs, h, inode, false);
	inodes_unlock(&fs->inodes);
}

int handle_open_text(struct fs *fs, struct inode *inode, struct value *text, struct handle **handle)
{
	struct handle *h = text ? calloc(1, sizeof(*h)) : NULL;

	if (!h) {
		value_unref(text);
		return -ENOMEM;
	}
	h->value = text;
	value_hold(text);
	open_virtual(fs, h, inode);
	*handle = h;
	return 0;
}

int handle_open_commands(struct fs *fs, struct inode *inode, struct command_lines *lines,
			 void (*lines_free)(struct command_lines *lines), struct handle **handle)
{
	struct handle *h = lines ? calloc(1, sizeof(*h)) : NULL;

	if (!h) {
		lines_free(lines);
		return -ENOMEM;
	}
	h->commands = lines;
	h->commands_free = lines_free;
	open_virtual(fs, h, inode);
	*handle = h;
	return 0;
}

const struct value *handle_to_store(struct fs *fs, struct handle *h)
{
	struct inode *inode = h->inode;
	const struct value *value = NULL;

	if (!h->value || value_size(h->value) > STORE_MAX_BYTES || value_size(h->value) == 0 ||
	    !value_bytes(h->value))
		return NULL;
	inodes_lock(&fs->inodes);
	/* A page that another reader waits for would block the store, and the reply that it waits
	 * for. */
	if (inode->readers == 1 && inode->writers == 0 && !inode->stored) {
		inode->stored = true;
		value = h->value;
	}
	inodes_unlock(&fs->inodes);
	return value;
}

ssize_t handle_read(struct handle *h, void *buffer, size_t size, uint64_t offset)
{
	if (h->value)
		return value_read(h->value, buffer, size, offset);
	inode_content_lock(h->inode);
	ssize_t n = working_copy_read(&h->inode->content.copy, buffer, size, offset);
	inode_content_unlock(h->inode);
	return n;
}

void handles_fini(struct fs *fs)
{
	while (fs->handles) {
		struct handle *h = fs->handles;
		fs->handles = h->next;
		handle_free(h);
	}
}
