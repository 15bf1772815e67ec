/* Hits that are not in the database yet. See disk/hits.h. */
#include "disk/hits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MAX_US ((int64_t)1 << 52) /* a double tells one from the next; the year 2112 */

void disk_hits_init(struct disk_hits *hits, const struct time_source *time)
{
	memset(hits, 0, sizeof(*hits));
	hits->time = time;
	lock_init(&hits->lock, RANK_LAYER_INNER);
}

void disk_hits_fini(struct disk_hits *hits)
{
	assert(!hits->taken);
	for (size_t i = 0; i < DISK_HIT_BUCKETS; i++)
		for (struct disk_hit *hit = hits->buckets[i], *next; hit; hit = next) {
			next = hit->next;
			free(hit);
		}
	lock_fini(&hits->lock);
}

double disk_hits_tick(struct disk_hits *hits)
{
	int64_t ms = time_steady_ms(hits->time);
	uint64_t now = ms > 0 ? (uint64_t)ms * 1000 : 0;
	uint64_t last = atomic_load(&hits->tick_us), next;

	do {
		next = now > last ? now : last + 1;
	} while (!atomic_compare_exchange_weak(&hits->tick_us, &last, next));
	return (double)next / 1e6;
}

void disk_hits_go_on(struct disk_hits *hits, int64_t newest_us)
{
	uint64_t last = atomic_load(&hits->tick_us);

	if (newest_us > 0 && newest_us < TICK_MAX_US && (uint64_t)newest_us >= last)
		atomic_compare_exchange_strong(&hits->tick_us, &last, (uint64_t)newest_us + 1);
}

static bool is_of(const struct disk_hit *hit, struct key key, uint64_t hash)
{
	return hit->hash == hash && key_equal(key, key_make(hit->key_bytes, hit->key_size));
}

/* The key's hit that is not taken, or NULL. */
static struct disk_hit *find_locked(struct disk_hits *hits, struct key key, uint64_t hash)
{
	struct disk_hit *hit = hits->buckets[hash % DISK_HIT_BUCKETS];

	assert(lock_is_held(&hits->lock));
	while (hit && (hit->taken || !is_of(hit, key, hash)))
		hit = hit->next;
	return hit;
}

static struct disk_hit *hit_new(struct key key, uint64_t hash)
{
	struct disk_hit *hit = malloc(sizeof(*hit) + key.size);

	if (!hit)
		return NULL;
	*hit = (struct disk_hit){ .hash = hash, .key_size = key.size };
	memcpy(hit->key_bytes, key.bytes, key.size);
	return hit;
}

bool disk_hits_note(struct disk_hits *hits, struct key key)
{
	uint64_t hash = key_hash(key);
	double used = disk_hits_tick(hits);
	struct disk_hit *spare = hit_new(key, hash);

	lock_take(&hits->lock);
	struct disk_hit *hit = find_locked(hits, key, hash);
	if (!hit && spare && hits->count < DISK_HITS_MAX) {
		hit = spare;
		spare = NULL;
		hit->next = hits->buckets[hash % DISK_HIT_BUCKETS];
		hits->buckets[hash % DISK_HIT_BUCKETS] = hit;
		hits->count++;
	}
	if (hit) {
		hit->count++;
		if (hit->used < used)
			hit->used = used;
	}
	bool many = hits->count >= DISK_HITS_MANY;
	lock_release(&hits->lock);
	free(spare);
	return many;
}

uint64_t disk_hits_settled(const struct disk_hits *hits)
{
	return atomic_load(&hits->settled);
}

/* No two uses are at the same instant: a row that was used later, or then, has what was taken. */
bool disk_hits_add(struct disk_hits *hits, struct key key, double row_used, uint64_t settled,
		   struct meta *meta)
{
	uint64_t hash = key_hash(key);

	lock_take(&hits->lock);
	bool valid = settled == atomic_load(&hits->settled);
	const struct disk_hit *hit = valid ? hits->buckets[hash % DISK_HIT_BUCKETS] : NULL;
	for (; hit; hit = hit->next) {
		if (!is_of(hit, key, hash) || (hit->taken && hit->used <= row_used))
			continue;
		int64_t ms = (int64_t)(hit->used * 1000);
		meta->hits += hit->count;
		meta->hit_ms = ms > meta->hit_ms ? ms : meta->hit_ms;
	}
	lock_release(&hits->lock);
	return valid;
}

size_t disk_hits_count(struct disk_hits *hits)
{
	lock_take(&hits->lock);
	size_t count = hits->count;
	lock_release(&hits->lock);
	return count;
}

/* --- the writer's ----------------------------------------------------------------------------- */

static void take_locked(struct disk_hits *hits, struct disk_hit *hit)
{
	assert(lock_is_held(&hits->lock) && !hit->taken && hits->count > 0);
	hit->taken = true;
	hit->other = hits->taken;
	hits->taken = hit;
	hits->count--;
}

const struct disk_hit *disk_hits_take(struct disk_hits *hits, struct key key)
{
	uint64_t hash = key_hash(key);

	lock_take(&hits->lock);
	struct disk_hit *hit = find_locked(hits, key, hash);
	if (hit)
		take_locked(hits, hit);
	lock_release(&hits->lock);
	return hit;
}

const struct disk_hit *disk_hits_take_next(struct disk_hits *hits)
{
	struct disk_hit *hit = NULL;

	lock_take(&hits->lock);
	while (!hit && hits->count > 0) {
		hit = hits->buckets[hits->cursor];
		while (hit && hit->taken)
			hit = hit->next;
		if (!hit)
			hits->cursor = (hits->cursor + 1) % DISK_HIT_BUCKETS;
	}
	if (hit)
		take_locked(hits, hit);
	lock_release(&hits->lock);
	return hit;
}

static void unlink_locked(struct disk_hits *hits, struct disk_hit *hit)
{
	struct disk_hit **link = &hits->buckets[hit->hash % DISK_HIT_BUCKETS];

	assert(lock_is_held(&hits->lock) && hit->taken);
	while (*link != hit)
		link = &(*link)->next;
	*link = hit->next;
}

/* Returns what is to be freed: the hit, if there are new ones of its key that it went into. */
static struct disk_hit *put_back_locked(struct disk_hits *hits, struct disk_hit *hit)
{
	struct disk_hit *newer = find_locked(hits, key_make(hit->key_bytes, hit->key_size),
					     hit->hash);

	if (!newer) {
		hit->taken = false;
		hits->count++;
		return NULL;
	}
	newer->count += hit->count;
	unlink_locked(hits, hit);
	return hit;
}

void disk_hits_settle(struct disk_hits *hits, bool written)
{
	lock_take(&hits->lock);
	struct disk_hit *hit = hits->taken;
	if (hit)
		atomic_fetch_add(&hits->settled, 1);
	hits->taken = NULL;
	for (struct disk_hit *other; hit; hit = other) {
		other = hit->other;
		if (written) {
			unlink_locked(hits, hit);
			free(hit);
		} else {
			free(put_back_locked(hits, hit));
		}
	}
	lock_release(&hits->lock);
}
