/* The store of entries: hash table, skip list, heaps of the entries that expire. See entries.h. */
#include "kit/entries.h"

#include <assert.h>
#include <errno.h>

enum { BUCKETS_MIN = 1024 };

/* --- the hash table --------------------------------------------------------------------------- */

static struct entry **bucket_of(const struct entries *s, uint64_t hash)
{
	size_t i = (size_t)hash & s->bucket_mask;

	if (i >= s->bucket_count)
		i &= s->bucket_mask >> 1;
	return entry_slot(&s->buckets, i);
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
	if (!entry_slots_reserve(&s->buckets, s->bucket_count + 1))
		return; /* longer chains, no more */
	size_t added = s->bucket_count++;
	if (added > s->bucket_mask)
		s->bucket_mask = s->bucket_mask * 2 + 1;

	struct entry **from = entry_slot(&s->buckets, added & (s->bucket_mask >> 1));
	struct entry **to = entry_slot(&s->buckets, added);
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

/* --- what expires ----------------------------------------------------------------------------- */

/* The heap of the clock that the entry's end follows. */
static struct entry_heap *due_heap(struct entries *s, const struct entry *e)
{
	return &s->due[end_kind(e->meta.copy) == END_MOMENT];
}

static void due_add(struct entries *s, struct entry *e)
{
	if (end_comes(e->meta.copy))
		entry_heap_add(due_heap(s, e), e);
}

static void due_remove(struct entries *s, struct entry *e)
{
	entry_heap_remove(due_heap(s, e), e);
}

struct entry *entries_due(const struct entries *s, struct instant now)
{
	for (int i = 0; i < 2; i++) {
		struct entry *e = entry_heap_first(&s->due[i]);
		if (e && meta_is_expired(&e->meta, now))
			return e;
	}
	return NULL;
}

bool entries_expire(const struct entries *s)
{
	return s->due[0].count + s->due[1].count > 0;
}

/* --- the store -------------------------------------------------------------------------------- */

int entries_init(struct entries *s, const struct entries_policy *policy)
{
	*s = (struct entries){ .policy = policy,
			       .due = { { .order = ORDER_DUE }, { .order = ORDER_DUE } },
			       .weights.order = ORDER_WEIGHT };
	if (!entry_slots_reserve(&s->buckets, BUCKETS_MIN))
		return -ENOMEM;
	s->bucket_count = BUCKETS_MIN;
	s->bucket_mask = BUCKETS_MIN - 1;
	return 0;
}

void entries_fini(struct entries *s)
{
	for (struct entry *e = s->first[0], *next; e; e = next) {
		next = e->after[0];
		entry_free(e);
	}
	entry_slots_fini(&s->buckets);
	for (int i = 0; i < 2; i++)
		entry_slots_fini(&s->due[i].slots);
	entry_slots_fini(&s->weights.slots);
}

bool entries_reserve(struct entries *s)
{
	/* All of them may come to expire, by one clock or the other. */
	return entry_slots_reserve(&s->due[0].slots, s->count + 1) &&
	       entry_slots_reserve(&s->due[1].slots, s->count + 1) &&
	       (!s->policy->weighs || entry_slots_reserve(&s->weights.slots, s->count + 1));
}

/* What can be said of all indexes at once. */
static bool is_sound(const struct entries *s)
{
	return (s->count == 0) == (s->bytes == 0) && (s->count == 0) == !s->first[0] &&
	       s->due[0].count + s->due[1].count <= s->count &&
	       s->weights.count == (s->policy->weighs ? s->count : 0);
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
	assert(s->count > 0 && s->bytes >= e->charge);
	s->bytes -= e->charge;
	s->count--;
}

void entries_put(struct entries *s, struct entry *e)
{
	store_link(s, e);
	s->policy->add(s, e);
	assert(is_sound(s));
}

void entries_take(struct entries *s, struct entry *e)
{
	s->policy->remove(s, e);
	store_unlink(s, e);
	assert(is_sound(s));
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
	assert(is_sound(s));
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
	assert(is_sound(s));
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
	assert(s->bytes >= e->charge);
	s->bytes -= e->charge;
	e->charge = entry_charge(e);
	s->bytes += e->charge;
	assert(is_sound(s));
}

struct entry *entries_victim(const struct entries *s, const struct entry *except,
			     struct instant now)
{
	struct entry *due = entries_due(s, now);

	return due && due != except ? due : s->policy->victim(s, except);
}
