/*
 * See listing.h. The directory's own value comes first. Then come the children that the layers
 * list, and each pending name at its place among them. The layers list an entry before a directory
 * of the same name; only names that begin with this name come between ("a", "a!", "a/"). If such a
 * directory follows, it keeps the name, so an entry is held back until no directory can follow. All
 * names then come in the order that they would have as directories, whatever they are and however
 * often they are listed.
 */
#include "verbs/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "verbs/cookies.h"
#include "verbs/escaped.h"
#include "inodes/key_escape.h"
#include "verbs/view.h"

/* A name that was given out. */
struct record {
	uint32_t cookie; /* the number of it */
	mode_t type;
	uint64_t ino;
};

/* A child as the layers list it, or as it is pending. */
struct item {
	char *part; /* NULL: the directory's own value */
	size_t size;
	bool pending; /* the part is the name that is shown */
	bool is_dir;
	bool vague;
	struct meta meta;
	uint64_t listed_at;
};
struct items {
	struct item *at;
	size_t count, capacity;
};

struct listing {
	struct listing *next, *previous; /* fs->listings */
	struct fs *fs;
	struct inode *dir;
	struct key_buffer key;  /* its key at the latest fetch */
	struct cookies cookies; /* of all names that were ever given out */
	uint32_t round;         /* counts the rewinds, from 1 on */
	struct record *records; /* all names given out since then, in order */
	size_t record_count, record_capacity;
	struct items pending;  /* in the order of children; the first so many */
	size_t pending_passed; /* have been taken */
	struct items fresh;    /* what the latest records were made of, */
	size_t fresh_first;    /* from this record on */
	struct items held;     /* each begins with the one below it */
	struct children batch;
	struct listing_place place; /* where the layers go on */
	bool at_top;                /* keys begin there */
	bool started, own_value, end;
};

int listing_open(struct fs *fs, struct inode *dir, struct listing **listing)
{
	struct listing *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->fs = fs;
	l->dir = dir;
	l->round = 1;
	inodes_lock(&fs->inodes);
	inode_pin_locked(dir);
	l->at_top = inode_is_top_locked(&fs->inodes, dir);
	l->next = fs->listings;
	if (l->next)
		l->next->previous = l;
	fs->listings = l;
	inodes_unlock(&fs->inodes);
	*listing = l;
	return 0;
}

/* --- items ------------------------------------------------------------------------------------ */

static void item_fini(struct item *item)
{
	meta_fini(&item->meta);
	free(item->part);
}

static void items_clear(struct items *items)
{
	for (size_t i = 0; i < items->count; i++)
		item_fini(&items->at[i]);
	items->count = 0;
}

/* Takes the item over, also when it fails. */
static int items_add(struct items *items, struct item *item)
{
	if (items->count == items->capacity) {
		size_t capacity = items->capacity ? items->capacity * 2 : 16;
		struct item *at = realloc(items->at, capacity * sizeof(*at));
		if (!at) {
			item_fini(item);
			return -ENOMEM;
		}
		items->at = at;
		items->capacity = capacity;
	}
	items->at[items->count++] = *item;
	return 0;
}

static struct key item_part(const struct item *item)
{
	return key_make(item->part, item->size);
}

/* --- the life of a listing -------------------------------------------------------------------- */

void listing_rewind(struct listing *l)
{
	l->round++;
	l->record_count = l->pending_passed = l->fresh_first = 0;
	items_clear(&l->pending);
	items_clear(&l->fresh);
	items_clear(&l->held);
	children_clear(&l->batch);
	l->place.after.size = 0;
	l->started = l->end = l->place.after_is_dir = false;
}

void listing_close(struct listing *l)
{
	listing_rewind(l);
	children_fini(&l->batch);
	cookies_fini(&l->cookies);
	free(l->records);
	free(l->pending.at);
	free(l->fresh.at);
	free(l->held.at);
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

/* --- records ---------------------------------------------------------------------------------- */

/* 1: recorded; 0: it has been given out in this round; -ENOMEM. */
static int add_record(struct listing *l, struct key name, mode_t type, uint64_t ino)
{
	if (l->record_count == l->record_capacity) {
		size_t capacity = l->record_capacity ? l->record_capacity * 2 : 64;
		struct record *records = realloc(l->records, capacity * sizeof(*records));
		if (!records)
			return -ENOMEM;
		l->records = records;
		l->record_capacity = capacity;
	}
	struct cookie *cookie = cookies_claim(&l->cookies, name);
	if (!cookie)
		return -ENOMEM;
	if (cookie->round == l->round)
		return 0;
	cookie->round = l->round;
	cookie->index = (uint32_t)l->record_count;
	l->records[l->record_count++] = (struct record){
		(uint32_t)(cookie - l->cookies.items),
		type,
		ino,
	};
	return 1;
}

static struct key record_name(const struct listing *l, const struct record *r)
{
	const struct cookie *cookie = &l->cookies.items[r->cookie];

	return key_make(cookie->name, cookie->size);
}

static uint64_t item_ino(const struct listing *l, const struct item *item)
{
	struct key_buffer key;
	struct key dir = key_make(l->key.bytes, l->key.size);

	if (item->meta.ino != 0)
		return item->meta.ino;
	if (!item->part)
		return inode_ino_of_key(dir, false);
	if (key_join(&key, dir, item_part(item)) < 0)
		return 2;
	return inode_ino_of_key(key_make(key.bytes, key.size), item->is_dir);
}

/* Gives the item out: takes it over. */
static int emit(struct listing *l, struct item *item)
{
	struct escape_text text = { .bytes = ESCAPE_SELF, .size = strlen(ESCAPE_SELF) };
	mode_t type = item->is_dir ? S_IFDIR : S_IFREG;

	if (item->pending)
		memcpy(text.bytes, item->part, text.size = item->size);
	else if (item->part)
		key_escape_encode(item_part(item), l->at_top, l->own_value, &text);
	if (item->meta.mode != 0)
		type = item->meta.mode & S_IFMT;
	int rc = add_record(l, key_make(text.bytes, text.size), type, item_ino(l, item));
	if (rc <= 0)
		item_fini(item);
	else
		rc = items_add(&l->fresh, item);
	return rc;
}

/* --- from the layers -------------------------------------------------------------------------- */

/* Gives out what no directory can follow any more, now that `child` has come (NULL: the end). */
static int release_held(struct listing *l, const struct child *child)
{
	int rc = 0;

	while (l->held.count > 0 && rc == 0) {
		struct item *top = &l->held.at[l->held.count - 1];
		if (child && child_compare(child->name, child->is_dir, item_part(top), true) <= 0)
			break;
		l->held.count--;
		rc = emit(l, top);
	}
	return rc;
}

/* Takes those that are pending and come before `child` (NULL: all), or are it. */
static int take_pending(struct listing *l, const struct child *child)
{
	int rc = 0;

	while (l->pending_passed < l->pending.count && rc == 0) {
		struct item *first = &l->pending.at[l->pending_passed];
		struct child as_child = { .name = item_part(first) };
		int order = child ? child_compare(as_child.name, false, child->name, child->is_dir)
				  : -1;
		if (order > 0)
			break;
		l->pending_passed++;
		if (order == 0) /* published since */
			continue;
		rc = release_held(l, &as_child);
		if (rc < 0)
			break;
		rc = items_add(&l->held, first);
		*first = (struct item){ 0 };
	}
	return rc;
}

static int take_child(struct listing *l, struct child *child, uint64_t at)
{
	struct item *top;
	int rc = take_pending(l, child);

	if (rc == 0)
		rc = release_held(l, child);
	if (rc < 0)
		return rc;
	struct item item = { .part = key_copy(child->name),
			     .size = child->name.size,
			     .is_dir = child->is_dir,
			     .vague = child->vague,
			     .listed_at = at };
	if (!item.part)
		return -ENOMEM;
	meta_move(&item.meta, &child->meta);
	if (!item.is_dir)
		return items_add(&l->held, &item);
	top = l->held.count > 0 ? &l->held.at[l->held.count - 1] : NULL;
	if (top && key_equal(item_part(top), item_part(&item))) {
		item_fini(top); /* it is the directory's own value */
		l->held.count--;
	}
	return emit(l, &item);
}

/* Of a directory that is renamed meanwhile a part may be elsewhere. */
static int ask_batch(void *self, struct key key)
{
	struct listing *l = self;

	children_clear(&l->batch);
	int rc = l->dir->view->list(l->fs, key, key_make(l->place.after.bytes, l->place.after.size),
				    l->place.after_is_dir, &l->batch);
	return rc == 0 ? NAME_READ_PART : rc;
}

static int read_batch(struct listing *l, uint64_t *at)
{
	struct name_read read = {
		.t = &l->fs->inodes, .inode = l->dir, .ask = ask_batch, .self = l, .key = &l->key
	};

	children_clear(&l->batch);
	int rc = name_read(&read);
	*at = read.at;
	return rc;
}

static int fetch_batch(struct listing *l)
{
	uint64_t at;
	int rc = read_batch(l, &at);

	if (rc == 0 && !l->batch.end)
		children_note_place(&l->batch, &l->place);
	for (size_t i = 0; i < l->batch.count && rc == 0; i++)
		rc = take_child(l, &l->batch.items[i], at);
	l->end = rc == -ENOENT || l->batch.end;
	if (l->end && (rc == 0 || rc == -ENOENT))
		rc = take_pending(l, NULL);
	if (l->end && rc == 0)
		rc = release_held(l, NULL);
	return rc;
}

/* The next part from the layers, recorded. The end: no record is added. */
static int fetch(struct listing *l)
{
	size_t before = l->record_count;
	int rc = 0;

	items_clear(&l->fresh);
	l->fresh_first = before;
	while (!l->end && l->record_count == before && rc == 0)
		rc = fetch_batch(l);
	return rc;
}

/* --- the first records ------------------------------------------------------------------------ */

static int compare_pending(const void *a, const void *b)
{
	return child_compare(item_part(a), false, item_part(b), false);
}

/* A key that no layer has yet: its writer has not closed it. */
static int add_pending(struct listing *l, const struct name *name, const struct inode *inode)
{
	struct item item = { .part = key_copy(key_make(name->text, name->size)),
			     .size = name->size,
			     .pending = true,
			     .vague = true,
			     .meta = { .mode = inode->meta.mode & S_IFMT, .ino = inode->ino } };

	return item.part ? items_add(&l->pending, &item) : -ENOMEM;
}

static int find_pending(struct listing *l)
{
	struct inodes *t = &l->fs->inodes;
	int rc = 0;

	inodes_lock(t);
	for (struct name *n = l->dir->names; n && rc == 0; n = n->next) {
		const struct inode *pending = n->version ? NULL : name_pending_locked(n);
		if (pending)
			rc = add_pending(l, n, pending);
	}
	inodes_unlock(t);
	if (l->pending.count > 1)
		qsort(l->pending.at, l->pending.count, sizeof(*l->pending.at), compare_pending);
	return rc;
}

/* The value of the directory's own key, if it has one. */
static int add_own_value(struct listing *l)
{
	struct inodes *t = &l->fs->inodes;
	struct item item = { 0 };

	inodes_lock(t);
	item.listed_at = t->clock;
	int rc = inode_key_locked(t, l->dir, &l->key);
	inodes_unlock(t);
	l->own_value = rc == 0 && escaped_own_value(l->fs, l->dir, &item.meta) == 0;
	l->fresh_first = l->record_count;
	return l->own_value ? emit(l, &item) : 0;
}

static int start(struct listing *l)
{
	int rc = find_pending(l);

	if (rc == 0)
		rc = add_own_value(l);
	l->started = true;
	return rc < 0 ? rc : 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void fill_entry(const struct listing *l, size_t index, struct listing_entry *entry)
{
	const struct record *r = &l->records[index];

	*entry = (struct listing_entry){
		.name = record_name(l, r),
		.type = r->type,
		.ino = r->ino,
		.cookie = l->cookies.items[r->cookie].value,
	};
	if (index >= l->fresh_first && index - l->fresh_first < l->fresh.count) {
		const struct item *item = &l->fresh.at[index - l->fresh_first];
		entry->meta = item->vague ? NULL : &item->meta;
		entry->part = item_part(item);
		entry->listed_at = item->listed_at;
	}
}

/* How many names come before or are this one, which is not listed any more. */
static size_t place_of(const struct listing *l, struct key name)
{
	size_t index = l->own_value ? 1 : 0;

	if (key_equal(name, key_make(ESCAPE_SELF, strlen(ESCAPE_SELF))))
		return index;
	while (index < l->record_count &&
	       child_compare(record_name(l, &l->records[index]), true, name, true) < 0)
		index++;
	return index;
}

/* The index behind the name of a cookie. After a rewind what comes before it is read first. */
static int index_behind(struct listing *l, uint64_t value, size_t *index)
{
	const struct cookie *cookie;
	size_t before;
	int rc = 0;

	for (;;) {
		cookie = cookies_find(&l->cookies, value);
		if (cookie && cookie->round == l->round)
			break;
		before = l->record_count;
		rc = fetch(l);
		if (rc < 0)
			return rc;
		if (l->record_count == before)
			break;
	}
	if (!cookie)
		*index = l->record_count;
	else if (cookie->round == l->round)
		*index = cookie->index + 1;
	else
		*index = place_of(l, key_make(cookie->name, cookie->size));
	return 0;
}

int listing_at(struct listing *l, uint64_t cookie, struct listing_entry *entry)
{
	size_t index = 0;
	int rc = l->started ? 0 : start(l);

	if (rc == 0 && cookie != 0)
		rc = index_behind(l, cookie, &index);
	if (rc == 0 && index >= l->record_count)
		rc = fetch(l);
	if (rc < 0 || index >= l->record_count)
		return rc < 0 ? rc : 0;
	fill_entry(l, index, entry);
	return 1;
}
