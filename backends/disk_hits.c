/* Hits on their way to the database. See disk_hits.h. */
#include "disk_hits.h"

#include <stdlib.h>
#include <string.h>

void disk_hits_init(struct disk_hits *hits)
{
	memset(hits, 0, sizeof(*hits));
	lock_init(&hits->lock, RANK_LAYER_INNER);
}

void disk_hits_fini(struct disk_hits *hits)
{
	for (size_t i = 0; i < DISK_HIT_BUCKETS; i++)
		disk_hits_drop(hits->buckets[i]);
	lock_fini(&hits->lock);
}

void disk_hits_drop(struct disk_hit *list)
{
	while (list) {
		struct disk_hit *next = list->next;
		free(list);
		list = next;
	}
}

/* The link that leads to the key's hit, or to NULL where it belongs. */
static struct disk_hit **find_locked(struct disk_hits *hits, struct key key, uint64_t hash)
{
	struct disk_hit **link = &hits->buckets[hash % DISK_HIT_BUCKETS];

	while (*link && !((*link)->hash == hash &&
			  key_equal(key, key_make((*link)->key_bytes, (*link)->key_size))))
		link = &(*link)->next;
	return link;
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

uint64_t disk_hits_note(struct disk_hits *hits, struct key key, double used, bool *many)
{
	uint64_t hash = key_hash(key), count = 1;
	struct disk_hit *spare = hit_new(key, hash);

	lock_take(&hits->lock);
	struct disk_hit **link = find_locked(hits, key, hash);
	if (!*link && spare && hits->count < DISK_HITS_MAX) {
		*link = spare;
		spare = NULL;
		hits->count++;
	}
	if (*link) {
		count = ++(*link)->count;
		if ((*link)->used < used)
			(*link)->used = used;
	}
	*many = hits->count >= DISK_HITS_MANY;
	lock_release(&hits->lock);
	free(spare);
	return count;
}

void disk_hits_add(struct disk_hits *hits, struct key key, struct meta *meta)
{
	uint64_t hash = key_hash(key);

	lock_take(&hits->lock);
	struct disk_hit *hit = *find_locked(hits, key, hash);
	if (hit) {
		meta->hits += hit->count;
		meta->hit_ms = (int64_t)(hit->used * 1000);
	}
	lock_release(&hits->lock);
}

size_t disk_hits_count(struct disk_hits *hits)
{
	lock_take(&hits->lock);
	size_t count = hits->count;
	lock_release(&hits->lock);
	return count;
}

struct disk_hit *disk_hits_take_key(struct disk_hits *hits, struct key key)
{
	uint64_t hash = key_hash(key);

	lock_take(&hits->lock);
	struct disk_hit **link = find_locked(hits, key, hash);
	struct disk_hit *hit = *link;
	if (hit) {
		*link = hit->next;
		hit->next = NULL;
		hits->count--;
	}
	lock_release(&hits->lock);
	return hit;
}

struct disk_hit *disk_hits_take(struct disk_hits *hits, size_t max)
{
	struct disk_hit *list = NULL;

	lock_take(&hits->lock);
	while (max > 0 && hits->count > 0) {
		struct disk_hit **bucket = &hits->buckets[hits->cursor];
		struct disk_hit *hit = *bucket;
		if (!hit) {
			hits->cursor = (hits->cursor + 1) % DISK_HIT_BUCKETS;
			continue;
		}
		*bucket = hit->next;
		hit->next = list;
		list = hit;
		hits->count--;
		max--;
	}
	lock_release(&hits->lock);
	return list;
}
