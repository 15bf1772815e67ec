/* See listing.h. Pending names come first, then what the layers list. */
#include "listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control_layers.h"

struct record {
	char *name;
	size_t size;
	bool is_dir;
};

struct listing {
	struct listing *next, *previous; /* fs->listings */
	struct fs *fs;
	struct inode *dir;
	struct record *records; /* all names given out, in order; a cookie is an index behind one */
	size_t record_count, record_capacity;
	size_t pending_count;  /* the first records */
	struct children batch; /* the latest part from the layers, */
	size_t batch_first;    /* which begins at this record, */
	uint64_t batch_at;     /* taken at this clock */
	bool started;
};

int listing_open(struct fs *fs, struct inode *dir, struct listing **listing)
{
	struct listing *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->fs = fs;
	l->dir = dir;
	inodes_lock(&fs->inodes);
	inode_pin_locked(dir);
	l->next = fs->listings;
	if (l->next)
		l->next->previous = l;
	fs->listings = l;
	inodes_unlock(&fs->inodes);
	*listing = l;
	return 0;
}

void listing_rewind(struct listing *l)
{
	for (size_t i = 0; i < l->record_count; i++)
		free(l->records[i].name);
	l->record_count = l->pending_count = l->batch_first = 0;
	children_clear(&l->batch);
	l->started = false;
}

void listing_close(struct listing *l)
{
	listing_rewind(l);
	children_fini(&l->batch);
	free(l->records);
	inodes_lock(&l->fs->inodes);
	if (l->previous)
		l->previous->next = l->next;
	else
		l->fs->listings = l->next;
	if (l->next)
		l->next->previous = l->previous;
	inode_unpin_locked(&l->fs->inodes, l->dir);
	inodes_unlock(&l->fs->inodes);
	free(l);
}

void listings_fini(struct fs *fs)
{
	while (fs->listings)
		listing_close(fs->listings);
}

static int add_record(struct listing *l, struct key name, bool is_dir)
{
	if (l->record_count == l->record_capacity) {
		size_t capacity = l->record_capacity ? l->record_capacity * 2 : 64;
		struct record *records = realloc(l->records, capacity * sizeof(*records));
		if (!records)
			return -ENOMEM;
		l->records = records;
		l->record_capacity = capacity;
	}
	char *copy = key_copy(name);
	if (!copy)
		return -ENOMEM;
	l->records[l->record_count++] = (struct record){ copy, name.size, is_dir };
	return 0;
}

static struct key record_name(const struct record *r)
{
	return key_make(r->name, r->size);
}

/* Keys that no layer has yet: their writers have not closed them. */
static int start(struct listing *l)
{
	struct inodes *t = &l->fs->inodes;
	int rc = 0;

	inodes_lock(t);
	for (struct name *n = l->dir->names; n && rc == 0; n = n->next)
		if (name_pending_locked(n) && !n->version)
			rc = add_record(l, key_make(n->text, n->size), false);
	l->pending_count = l->record_count;
	inodes_unlock(t);
	l->started = true;
	return rc;
}

static bool is_pending_record(const struct listing *l, struct key name)
{
	for (size_t i = 0; i < l->pending_count; i++)
		if (key_equal(record_name(&l->records[i]), name))
			return true;
	return false;
}

static int list_part(struct listing *l, struct key dir, struct key after, bool after_is_dir)
{
	if (l->dir->kind == INODE_VIRTUAL)
		return layer_view_list(l->fs, dir, after, after_is_dir, &l->batch);
	return layered_list(l->fs->cache, dir, after, after_is_dir, &l->batch);
}

/* The next part from the layers, recorded. The end: no record is added. */
static int fetch(struct listing *l)
{
	struct inodes *t = &l->fs->inodes;
	struct key_buffer dir;
	struct key after = KEY_ROOT;
	bool after_is_dir = false, any = l->batch.count > 0;

	if (l->batch.end) /* also of a last part that was empty: not from the start again */
		return 0;
	if (any) {
		/* Names of the batch go with it, those of the records stay. */
		const struct child *last = &l->batch.items[l->batch.count - 1];
		after_is_dir = last->is_dir;
		after = last->name;
	}
	char *after_copy = key_copy(after);
	if (!after_copy)
		return -ENOMEM;
	inodes_lock(t);
	l->batch_at = t->clock;
	int rc = l->dir->removed ? -ENOENT : inode_key_locked(t, l->dir, &dir);
	inodes_unlock(t);
	children_clear(&l->batch);
	if (rc == 0)
		rc = list_part(l, key_make(dir.bytes, dir.size), key_make(after_copy, after.size),
			       after_is_dir);
	free(after_copy);
	l->batch_first = l->record_count;
	for (size_t i = 0; rc == 0 && i < l->batch.count; i++)
		rc = add_record(l, l->batch.items[i].name, l->batch.items[i].is_dir);
	return rc == -ENOENT ? 0 : rc;
}

static void fill_entry(struct listing *l, size_t index, struct listing_entry *entry)
{
	const struct record *r = &l->records[index];

	*entry = (struct listing_entry){ .name = record_name(r),
					 .is_dir = r->is_dir,
					 .cookie = index + 1 };
	if (index >= l->pending_count && index >= l->batch_first &&
	    index - l->batch_first < l->batch.count) {
		entry->meta = &l->batch.items[index - l->batch_first].meta;
		entry->listed_at = l->batch_at;
	}
}

int listing_at(struct listing *l, uint64_t cookie, struct listing_entry *entry)
{
	int rc = 0;

	if (!l->started)
		rc = start(l);
	for (size_t index = (size_t)cookie; rc == 0; index++) {
		if (index >= l->record_count) {
			size_t before = l->record_count;
			rc = fetch(l);
			if (rc < 0 || l->record_count == before || index >= l->record_count)
				break;
		}
		if (index >= l->pending_count &&
		    is_pending_record(l, record_name(&l->records[index])))
			continue; /* published since it was listed as pending */
		fill_entry(l, index, entry);
		return 1;
	}
	return rc;
}
