/* Entries in memory: hash table, skip list, expiry heap. See entries.h. */
#include "kit/entries.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENT_SLOTS = 1024 };

#define NOT_IN_HEAP SIZE_MAX

/* --- slots ------------------------------------------------------------------------------------ */

static struct entry **slot(const struct slots *a, size_t i)
{
	return &a->segments[i / SEGMENT_SLOTS][i % SEGMENT_SLOTS];
}

static bool slots_add_segment(struct slots *a)
{
	if (a->segment_count == a->segment_room) {
		size_t room = a->segment_room ? a->segment_room * 2 : 4;
		struct entry ***segments = realloc(a->segments, room * sizeof(*segments));
		if (!segments)
			return false;
		a->segments = segments;
		a->segment_room = room;
	}
	struct entry **segment = calloc(SEGMENT_SLOTS, sizeof(*segment));
	if (!segment)
		return false;
	a->segments[a->segment_count++] = segment;
	return true;
}

static bool slots_reserve(struct slots *a, size_t count)
{
	while (a->segment_count * SEGMENT_SLOTS < count) {
		if (!slots_add_segment(a))
			return false;
	}
	return true;
}

static void slots_fini(struct slots *a)
{
	for (size_t i = 0; i < a->segment_count; i++)
		free(a->segments[i]);
	free(a->segments);
}

/* --- one entry -------------------------------------------------------------------------------- */

/* One level more with a chance of 1/4, drawn from the half of the hash that picks no bucket. */
static unsigned height_of(uint64_t hash)
{
	return 1 + (unsigned)__builtin_ctzll((hash >> 32) | 1ULL << 30) / 2;
}

struct entry *entry_new(struct key key, struct value *value, const struct meta *meta)
{
	uint64_t hash = key_hash(key);
	unsigned height = height_of(hash);
	struct entry *e = malloc(sizeof(*e) + height * sizeof(e->after[0]) + key.size);

	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	char *bytes = (char *)(e->after + height);
	if (key.size > 0)
		memcpy(bytes, key.bytes, key.size);
	e->key = key_make(bytes, key.size);
	e->value = value ? value_ref(value) : NULL;
	if (meta)
		meta_copy(&e->meta, meta);
	e->hash = hash;
	e->at[HEAP_DUE] = e->at[HEAP_WEIGHT] = NOT_IN_HEAP;
	e->height = height;
	return e;
}

void entry_free(struct entry *e)
{
	if (!e)
		return;
	value_unref(e->value);
	meta_fini(&e->meta);
	free(e);
}

uint64_t entry_charge_as(const struct entry *e, const struct entry *frame)
{
	enum { VALUE_OVERHEAD = 64 };                     /* struct value */
	enum { SLOTS_SIZE = 2 * sizeof(struct entry *) }; /* in the table and in a heap */
	size_t xattrs_size;

	xattrs_packed(e->meta.xattrs, &xattrs_size);
	uint64_t content = xattrs_size + (e->value ? value_size(e->value) + VALUE_OVERHEAD : 0);
	return content + SLOTS_SIZE + sizeof(*frame) + frame->height * sizeof(frame->after[0]) +
	       frame->key.size;
}

uint64_t entry_charge(const struct entry *e)
{
	return entry_charge_as(e, e);
}

/* --- the hash table --------------------------------------------------------------------------- */

static struct entry **bucket_of(const struct entries *s, uint64_t hash)
{
	size_t i = (size_t)hash & s->bucket_mask;

	if (i >= s->bucket_count)
		i &= s->bucket_mask >> 1;
	return slot(&s->buckets, i);
}

static void hash_add(struct entries *s, struct entry *e)
{
	struct entry **bucket = bucket_of(s, e->hash);

	e->next_hash = *bucket;
	*bucket = e;
}

static void hash_remove(struct entries *s, struct entry *e)
{
	struct entry **at = bucket_of(s, e->hash);

	while (*at != e)
		at = &(*at)->next_hash;
	*at = e->next_hash;
	e->next_hash = NULL;
}

/* One bucket more; what belongs there moves from the one bucket that had it. */
static void hash_grow(struct entries *s)
{
	if (!slots_reserve(&s->buckets, s->bucket_count + 1))
		return; /* longer chains, no more */
	size_t added = s->bucket_count++;
	if (added > s->bucket_mask)
		s->bucket_mask = s->bucket_mask * 2 + 1;

	struct entry **from = slot(&s->buckets, added & (s->bucket_mask >> 1));
	struct entry **to = slot(&s->buckets, added);
	while (*from) {
		struct entry *e = *from;
		if (((size_t)e->hash & s->bucket_mask) != added) {
			from = &e->next_hash;
			continue;
		}
		*from = e->next_hash;
		e->next_hash = *to;
		*to = e;
	}
}

struct entry *entries_find(const struct entries *s, struct key key)
{
	uint64_t hash = key_hash(key);
	struct entry *e = *bucket_of(s, hash);

	while (e && (e->hash != hash || !key_equal(e->key, key)))
		e = e->next_hash;
	return e;
}

/* --- the order of keys ------------------------------------------------------------------------ */

/* Per level the link that leads to the first entry with a key >= key. */
static void order_seek(struct entry **level, struct key key, struct entry **links[ENTRIES_LEVELS])
{
	for (int i = ENTRIES_LEVELS - 1; i >= 0; i--) {
		while (level[i] && key_compare(level[i]->key, key) < 0)
			level = level[i]->after;
		links[i] = &level[i];
	}
}

static void order_add(struct entries *s, struct entry *e)
{
	struct entry **links[ENTRIES_LEVELS];

	order_seek(s->first, e->key, links);
	assert(!*links[0] || !key_equal((*links[0])->key, e->key));
	for (unsigned i = 0; i < e->height; i++) {
		e->after[i] = *links[i];
		*links[i] = e;
	}
}

static void order_remove(struct entries *s, struct entry *e)
{
	struct entry **links[ENTRIES_LEVELS];

	order_seek(s->first, e->key, links);
	for (unsigned i = 0; i < e->height; i++) {
		assert(*links[i] == e);
		*links[i] = e->after[i];
	}
}

struct entry *entries_seek(const struct entries *s, struct key key)
{
	struct entry *const *level = s->first;

	for (int i = ENTRIES_LEVELS - 1; i >= 0; i--) {
		while (level[i] && key_compare(level[i]->key, key) < 0)
			level = level[i]->after;
	}
	return level[0];
}

struct entry *entries_next(const struct entry *e)
{
	return e->after[0];
}

/* --- heaps ------------------------------------------------------------------------------------ */

static bool goes_before(enum entries_heap order, const struct entry *a, const struct entry *b)
{
	if (order == HEAP_DUE)
		return end_ms(a->meta.copy) < end_ms(b->meta.copy);
	return a->weight != b->weight ? a->weight < b->weight : a->used_at < b->used_at;
}

static void heap_place(struct heap *h, struct entry *e, size_t i)
{
	*slot(&h->slots, i) = e;
	e->at[h->order] = i;
}

static void heap_up(struct heap *h, struct entry *e, size_t i)
{
	while (i > 0) {
		struct entry *parent = *slot(&h->slots, (i - 1) / 2);
		if (!goes_before(h->order, e, parent))
			break;
		heap_place(h, parent, i);
		i = (i - 1) / 2;
	}
	heap_place(h, e, i);
}

/* Of the two below place i the one that goes first, or NULL. */
static struct entry *heap_child(const struct heap *h, size_t i)
{
	size_t left = 2 * i + 1;

	if (left >= h->count)
		return NULL;
	struct entry *a = *slot(&h->slots, left);
	struct entry *b = left + 1 < h->count ? *slot(&h->slots, left + 1) : a;
	return goes_before(h->order, b, a) ? b : a;
}

static void heap_down(struct heap *h, struct entry *e, size_t i)
{
	struct entry *child;

	while ((child = heap_child(h, i)) != NULL && goes_before(h->order, child, e)) {
		size_t next = child->at[h->order];
		heap_place(h, child, i);
		i = next;
	}
	heap_place(h, e, i);
}

static void heap_add(struct heap *h, struct entry *e)
{
	heap_up(h, e, h->count++);
}

static void heap_settle(struct heap *h, struct entry *e)
{
	heap_down(h, e, e->at[h->order]);
	heap_up(h, e, e->at[h->order]);
}

static void heap_remove(struct heap *h, struct entry *e)
{
	size_t i = e->at[h->order];

	if (i == NOT_IN_HEAP)
		return;
	e->at[h->order] = NOT_IN_HEAP;
	struct entry *last = *slot(&h->slots, --h->count);
	if (last == e)
		return;
	heap_place(h, last, i);
	heap_settle(h, last);
}

static struct entry *heap_first(const struct heap *h)
{
	return h->count > 0 ? *slot(&h->slots, 0) : NULL;
}

/* The heap of the clock that the entry's end follows. */
static struct heap *due_heap(struct entries *s, const struct entry *e)
{
	return &s->due[end_kind(e->meta.copy) == END_MOMENT];
}

static void due_add(struct entries *s, struct entry *e)
{
	if (end_comes(e->meta.copy))
		heap_add(due_heap(s, e), e);
}

static void due_remove(struct entries *s, struct entry *e)
{
	heap_remove(due_heap(s, e), e);
}

struct entry *entries_due(const struct entries *s, struct instant now)
{
	for (int i = 0; i < 2; i++) {
		struct entry *e = heap_first(&s->due[i]);
		if (e && meta_is_expired(&e->meta, now))
			return e;
	}
	return NULL;
}

bool entries_expire(const struct entries *s)
{
	return s->due[0].count + s->due[1].count > 0;
}

/* --- policies --------------------------------------------------------------------------------- */

static void lru_add(struct entries *s, struct entry *e)
{
	e->newer = NULL;
	e->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = e;
	s->newest = e;
}

static void lru_remove(struct entries *s, struct entry *e)
{
	*(e->newer ? &e->newer->older : &s->newest) = e->older;
	*(e->older ? &e->older->newer : &s->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void lru_replace(struct entries *s, struct entry *old, struct entry *e)
{
	e->newer = old->newer;
	e->older = old->older;
	*(e->newer ? &e->newer->older : &s->newest) = e;
	*(e->older ? &e->older->newer : &s->oldest) = e;
	old->newer = old->older = NULL;
}

static void lru_hit(struct entries *s, struct entry *e)
{
	if (s->newest == e)
		return;
	lru_remove(s, e);
	lru_add(s, e);
}

static struct entry *lru_victim(const struct entries *s, const struct entry *except)
{
	return s->oldest && s->oldest == except ? s->oldest->newer : s->oldest;
}

const struct entries_policy entries_lru = {
	.add = lru_add,
	.remove = lru_remove,
	.replace = lru_replace,
	.hit = lru_hit,
	.refresh = lru_hit,
	.victim = lru_victim,
};

/* Its weight grows with its use; above what was evicted last. */
static void lfu_use(struct entries *s, struct entry *e)
{
	e->uses++;
	e->used_at = ++s->clock;
	e->weight = s->inflation + e->uses;
}

static void lfu_add(struct entries *s, struct entry *e)
{
	e->uses = 0;
	lfu_use(s, e);
	heap_add(&s->weights, e);
}

static void lfu_remove(struct entries *s, struct entry *e)
{
	heap_remove(&s->weights, e);
}

static void lfu_replace(struct entries *s, struct entry *old, struct entry *e)
{
	e->uses = old->uses;
	e->weight = old->weight;
	e->used_at = old->used_at;
	heap_place(&s->weights, e, old->at[HEAP_WEIGHT]);
	old->at[HEAP_WEIGHT] = NOT_IN_HEAP;
}

static void lfu_hit(struct entries *s, struct entry *e)
{
	lfu_use(s, e);
	heap_settle(&s->weights, e);
}

/* Among those that were used as often it goes last. */
static void lfu_refresh(struct entries *s, struct entry *e)
{
	e->used_at = ++s->clock;
	heap_settle(&s->weights, e);
}

static struct entry *lfu_victim(const struct entries *s, const struct entry *except)
{
	struct entry *first = heap_first(&s->weights);

	return first && first == except ? heap_child(&s->weights, 0) : first;
}

const struct entries_policy entries_lfu = {
	.add = lfu_add,
	.remove = lfu_remove,
	.replace = lfu_replace,
	.hit = lfu_hit,
	.refresh = lfu_refresh,
	.victim = lfu_victim,
};

static void keep_nothing(struct entries *s, struct entry *e)
{
	(void)s;
	(void)e;
}

static void keep_replace(struct entries *s, struct entry *old, struct entry *e)
{
	(void)s;
	(void)old;
	(void)e;
}

static struct entry *keep_victim(const struct entries *s, const struct entry *except)
{
	(void)s;
	(void)except;
	return NULL;
}

const struct entries_policy entries_keep = {
	.add = keep_nothing,
	.remove = keep_nothing,
	.replace = keep_replace,
	.hit = keep_nothing,
	.refresh = keep_nothing,
	.victim = keep_victim,
};

/* --- the store -------------------------------------------------------------------------------- */

int entries_init(struct entries *s, const struct entries_policy *policy)
{
	*s = (struct entries){ .policy = policy,
			       .due = { { .order = HEAP_DUE }, { .order = HEAP_DUE } },
			       .weights.order = HEAP_WEIGHT };
	if (!slots_reserve(&s->buckets, SEGMENT_SLOTS))
		return -ENOMEM;
	s->bucket_count = SEGMENT_SLOTS;
	s->bucket_mask = SEGMENT_SLOTS - 1;
	return 0;
}

void entries_fini(struct entries *s)
{
	for (struct entry *e = s->first[0], *next; e; e = next) {
		next = e->after[0];
		entry_free(e);
	}
	slots_fini(&s->buckets);
	for (int i = 0; i < 2; i++)
		slots_fini(&s->due[i].slots);
	slots_fini(&s->weights.slots);
}

bool entries_reserve(struct entries *s)
{
	/* All of them may come to expire, by one clock or the other. */
	return slots_reserve(&s->due[0].slots, s->count + 1) &&
	       slots_reserve(&s->due[1].slots, s->count + 1) &&
	       (s->policy != &entries_lfu || slots_reserve(&s->weights.slots, s->count + 1));
}

static void store_link(struct entries *s, struct entry *e)
{
	s->count++;
	e->charge = entry_charge(e);
	s->bytes += e->charge;
	if (s->count > s->bucket_count)
		hash_grow(s);
	hash_add(s, e);
	order_add(s, e);
	due_add(s, e);
}

static void store_unlink(struct entries *s, struct entry *e)
{
	due_remove(s, e);
	order_remove(s, e);
	hash_remove(s, e);
	s->bytes -= e->charge;
	s->count--;
}

void entries_put(struct entries *s, struct entry *e)
{
	store_link(s, e);
	s->policy->add(s, e);
}

void entries_take(struct entries *s, struct entry *e)
{
	s->policy->remove(s, e);
	store_unlink(s, e);
}

void entries_evict(struct entries *s, struct entry *e)
{
	if (e->weight > s->inflation)
		s->inflation = e->weight;
	entries_take(s, e);
}

void entries_replace(struct entries *s, struct entry *old, struct entry *e)
{
	s->policy->replace(s, old, e);
	store_unlink(s, old);
	store_link(s, e);
}

void entries_move(struct entries *s, struct entry *from, struct entry *to)
{
	assert(!to->value && !to->meta.xattrs);
	s->policy->replace(s, from, to);
	store_unlink(s, from);
	to->value = from->value;
	from->value = NULL;
	meta_move(&to->meta, &from->meta);
	store_link(s, to);
}

void entries_refresh(struct entries *s, struct entry *e)
{
	s->policy->refresh(s, e);
}

void entries_hit(struct entries *s, struct entry *e)
{
	s->policy->hit(s, e);
}

void entries_update(struct entries *s, struct entry *e, const struct meta *meta, unsigned fields,
		    struct xattrs **old)
{
	*old = xattrs_ref(e->meta.xattrs); /* so that no update frees them here */
	due_remove(s, e);
	meta_update(&e->meta, meta, fields);
	due_add(s, e);
	s->bytes -= e->charge;
	e->charge = entry_charge(e);
	s->bytes += e->charge;
}

struct entry *entries_victim(const struct entries *s, const struct entry *except,
			     struct instant now)
{
	struct entry *due = entries_due(s, now);

	return due && due != except ? due : s->policy->victim(s, except);
}
