/* See escaped.h. */
#include "verbs/escaped.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inodes/key_escape.h"
#include "verbs/view.h"

int escaped_own_value(struct fs *fs, struct inode *dir, struct meta *meta)
{
	struct key_buffer key;
	int rc = inode_key(&fs->inodes, dir, &key);

	if (rc == 0)
		rc = dir->view->stat(fs, key_make(key.bytes, key.size), meta);
	inodes_lock(&fs->inodes);
	dir->own_value = rc == 0;
	inodes_unlock(&fs->inodes);
	return rc;
}

/* --- %{HEX~HASH} ------------------------------------------------------------------------------ */

/* The search for the child that shows as `text`, among those that begin with `head`. */
struct search {
	struct key text, head;
	struct fs *fs;
	struct inode *dir;
	bool at_top;
	struct key_buffer *part;
	struct children batch;
	bool passed; /* no child behind this one begins with the head */
};

static bool shows_as(const struct search *s, struct key part)
{
	struct escape_text text;

	if (part.size <= s->head.size || part.size > KEY_MAX)
		return false;
	key_escape_encode(part, s->at_top, false, &text);
	return key_equal(key_make(text.bytes, text.size), s->text);
}

/* Looks at a batch: whether it holds the part. */
static bool search_batch(struct search *s)
{
	for (size_t i = 0; i < s->batch.count && !s->passed; i++) {
		struct key name = s->batch.items[i].name;
		s->passed = name.size < s->head.size ||
			    memcmp(name.bytes, s->head.bytes, s->head.size) != 0;
		if (s->passed || !shows_as(s, name))
			continue;
		key_keep(s->part, name);
		return true;
	}
	return false;
}

/* 1 found, 0 there is none, or -errno. */
static int search_run(struct search *s, struct key dir)
{
	struct listing_place at = { 0 };

	key_keep(&at.after, s->head);
	do {
		children_clear(&s->batch);
		int rc = s->dir->view->list(s->fs, dir, key_make(at.after.bytes, at.after.size),
					    at.after_is_dir, &s->batch);
		if (rc < 0)
			return rc;
		if (search_batch(s))
			return 1;
		if (!s->batch.end)
			children_note_place(&s->batch, &at);
	} while (!s->batch.end && !s->passed);
	return 0;
}

static int resolve_hash(struct fs *fs, struct inode *dir, bool at_top, struct key text,
			const struct escape_text *head, struct key_buffer *part)
{
	struct key_buffer *key = malloc(sizeof(*key));
	struct search *s = calloc(1, sizeof(*s));
	int rc = key && s ? inode_key(&fs->inodes, dir, key) : -ENOMEM;

	if (rc == 0) {
		s->text = text;
		s->head = key_make(head->bytes, head->size);
		s->fs = fs;
		s->dir = dir;
		s->at_top = at_top;
		s->part = part;
		rc = search_run(s, key_make(key->bytes, key->size));
		children_fini(&s->batch);
	}
	free(s);
	free(key);
	return rc == -ENOENT ? 0 : rc;
}

int escaped_resolve(struct fs *fs, struct inode *dir, struct key text, struct key_buffer *part)
{
	struct escape_text bytes;
	struct meta meta = { 0 };

	if (text.size == 0 || text.bytes[0] != '%')
		return 0;
	inodes_lock(&fs->inodes);
	bool at_top = inode_is_top_locked(&fs->inodes, dir);
	inodes_unlock(&fs->inodes);
	switch (key_escape_decode(text, at_top, &bytes)) {
	case ESCAPE_OWN:
		if (escaped_own_value(fs, dir, &meta) == 0)
			meta_fini(&meta);
		return 0;
	case ESCAPE_HASHED:
		return resolve_hash(fs, dir, at_top, text, &bytes, part);
	case ESCAPE_NONE:
	case ESCAPE_BYTES:
		break;
	}
	return 0;
}
