/* The changes that a store has acknowledged. See rollback.h. */
#include "redis/rollback.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_source.h"

/* Servers that save snapshots do so after some 10,000 changes at the latest, as they come. */
enum { SLOTS = 16384 };

struct rollback_slot {
	uint64_t hash; /* of the key */
	uint64_t version;
	int64_t created_ms;
	struct timespec ctime;
	struct timespec began; /* when the change did; 0: the slot is empty */
	unsigned life;
	bool gone;
};

int rollback_init(struct rollback *b)
{
	*b = (struct rollback){ .slots = calloc(SLOTS, sizeof(*b->slots)) };
	if (!b->slots)
		return -ENOMEM;
	lock_init(&b->lock, RANK_LAYER_INNER);
	return 0;
}

void rollback_fini(struct rollback *b)
{
	if (!b->slots)
		return;
	for (size_t i = 0; i < ROLLBACK_PREFIXES; i++)
		free(b->prefixes[i].bytes);
	free(b->slots);
	lock_fini(&b->lock);
}

struct rollback_change rollback_begin(const struct rollback *b)
{
	return (struct rollback_change){ atomic_load(&b->life), time_now() };
}

void rollback_suspect(struct rollback *b)
{
	atomic_fetch_add(&b->life, 1);
}

/* --- prefixes --------------------------------------------------------------------------------- */

static struct key prefix_of(const struct rollback_prefix *p)
{
	return key_make(p->bytes, p->size);
}

static void forget_locked(struct rollback *b, struct rollback_prefix *p)
{
	assert(lock_is_held(&b->lock));
	(void)b;
	free(p->bytes);
	*p = (struct rollback_prefix){ 0 };
}

/* An entry of before the removal has come to lie below: it tells nothing any more. */
static void forget_older_locked(struct rollback *b, struct key key, const struct timespec *ctime)
{
	assert(lock_is_held(&b->lock));
	for (size_t i = 0; i < ROLLBACK_PREFIXES; i++) {
		struct rollback_prefix *p = &b->prefixes[i];
		if (p->bytes && key_begins(key, prefix_of(p)) && time_is_later(&p->removed, ctime))
			forget_locked(b, p);
	}
}

void rollback_note_filled(struct rollback *b, struct key prefix)
{
	lock_take(&b->lock);
	for (size_t i = 0; i < ROLLBACK_PREFIXES; i++) {
		struct rollback_prefix *p = &b->prefixes[i];
		if (p->bytes &&
		    (key_begins(prefix, prefix_of(p)) || key_begins(prefix_of(p), prefix)))
			forget_locked(b, p);
	}
	lock_release(&b->lock);
}

void rollback_note_cleared(struct rollback *b, struct rollback_change change, struct key prefix)
{
	char *copy = key_copy(prefix);

	if (!copy)
		return;
	lock_take(&b->lock);
	struct rollback_prefix *p = &b->prefixes[b->next];
	b->next = (b->next + 1) % ROLLBACK_PREFIXES;
	forget_locked(b, p);
	*p = (struct rollback_prefix){ copy, prefix.size, change.life, change.began };
	lock_release(&b->lock);
}

/* Whether the entry is of before a removal of all there, one after that instant. */
static bool was_cleared_locked(const struct rollback *b, struct key key, const struct meta *meta,
			       const struct timespec *since)
{
	unsigned life = atomic_load(&b->life);

	assert(lock_is_held(&b->lock));
	for (size_t i = 0; i < ROLLBACK_PREFIXES; i++) {
		const struct rollback_prefix *p = &b->prefixes[i];
		if (p->bytes && p->life != life && key_begins(key, prefix_of(p)) &&
		    time_is_later(&p->removed, &meta->ctime) && time_is_later(&p->removed, since))
			return true;
	}
	return false;
}

/* --- keys ------------------------------------------------------------------------------------- */

static struct rollback_slot *slot_of(const struct rollback *b, uint64_t hash)
{
	return &b->slots[hash % SLOTS];
}

void rollback_note(struct rollback *b, struct rollback_change change, struct key key,
		   const struct meta *meta)
{
	uint64_t hash = key_hash(key);

	lock_take(&b->lock);
	forget_older_locked(b, key, &meta->ctime);
	*slot_of(b, hash) = (struct rollback_slot){ .hash = hash,
						    .version = meta->version,
						    .created_ms = meta->created_ms,
						    .ctime = meta->ctime,
						    .began = change.began,
						    .life = change.life };
	lock_release(&b->lock);
}

void rollback_note_gone(struct rollback *b, struct rollback_change change, struct key key)
{
	uint64_t hash = key_hash(key);

	lock_take(&b->lock);
	*slot_of(b, hash) = (struct rollback_slot){
		.hash = hash, .began = change.began, .life = change.life, .gone = true
	};
	lock_release(&b->lock);
}

static bool is_at(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Whether the entry is what was acknowledged, or what somebody made of it since. */
static bool is_as_new(const struct rollback_slot *s, const struct meta *meta)
{
	if (!time_is_later(&s->began, &meta->ctime))
		return true;
	if (s->gone || meta->created_ms < s->created_ms)
		return false;
	return meta->version > s->version ||
	       (meta->version == s->version && is_at(&meta->ctime, &s->ctime));
}

bool rollback_is_old(struct rollback *b, struct key key, const struct meta *meta)
{
	static const struct rollback_slot unknown;
	unsigned life = atomic_load(&b->life);
	uint64_t hash = key_hash(key);

	if (life == 0)
		return false;
	lock_take(&b->lock);
	const struct rollback_slot *s = slot_of(b, hash);
	if (s->hash != hash)
		s = &unknown;
	bool old = (s->life != life && !is_as_new(s, meta)) ||
		   was_cleared_locked(b, key, meta, &s->began);
	lock_release(&b->lock);
	return old;
}
