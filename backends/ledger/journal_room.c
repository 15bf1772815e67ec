/* See journal_room.h. */
#include "ledger/journal_room.h"

#include <errno.h>

enum {
	ROW_ALLOWANCE = 512, /* of the limit, for each row beside its value */
	DISK_POLL_MS = 100,  /* nobody tells when other programs free space */
};

void journal_room_init(struct journal_room *r, const struct time_source *time, uint64_t max_bytes)
{
	r->time = time;
	r->max_bytes = max_bytes < INT64_MAX ? (int64_t)max_bytes : INT64_MAX;
	lock_init(&r->lock, RANK_LAYER);
	condition_init(&r->freed);
}

void journal_room_fini(struct journal_room *r)
{
	pthread_cond_destroy(&r->freed);
	lock_fini(&r->lock);
}

int64_t journal_cost(struct key key, uint64_t size)
{
	return (int64_t)(size + key.size + ROW_ALLOWANCE);
}

void journal_room_add(struct journal_room *r, int64_t entries, int64_t directories, int64_t bytes)
{
	lock_take(&r->lock);
	atomic_fetch_add(&r->entries, entries);
	atomic_fetch_add(&r->directories, directories);
	r->bytes += bytes;
	if (bytes < 0)
		pthread_cond_broadcast(&r->freed);
	lock_release(&r->lock);
}

bool journal_room_is_empty(const struct journal_room *r)
{
	return atomic_load(&r->entries) == 0 && atomic_load(&r->directories) == 0;
}

/* Rows that went with a damaged file and came back may have been counted twice. */
uint64_t journal_room_bytes(struct journal_room *r)
{
	lock_take(&r->lock);
	int64_t bytes = r->bytes;
	lock_release(&r->lock);
	return bytes > 0 ? (uint64_t)bytes : 0;
}

static bool fits(struct journal_room *r, int64_t need)
{
	lock_take(&r->lock);
	bool fits = r->bytes + need <= r->max_bytes;
	lock_release(&r->lock);
	return fits;
}

int journal_room_check(struct journal_room *r, int64_t need)
{
	if (need > r->max_bytes)
		return -EFBIG;
	return fits(r, need) ? 0 : -ENOSPC;
}

int journal_room_wait(struct journal_room *r, int64_t need, const struct deadline *deadline)
{
	while (!fits(r, need))
		if (!journal_room_await(r, deadline))
			return fits(r, need) ? 0 : -ENOSPC;
	return 0;
}

bool journal_room_await(struct journal_room *r, const struct deadline *deadline)
{
	struct deadline poll = deadline_in(r->time, DISK_POLL_MS);
	bool sooner = poll.at_ms < deadline->at_ms;

	lock_take(&r->lock);
	bool ending = r->ending;
	bool in_time = !ending &&
		       condition_wait_until(&r->freed, &r->lock, sooner ? &poll : deadline);
	lock_release(&r->lock);
	return !ending && (in_time || sooner);
}

void journal_room_ending(struct journal_room *r)
{
	lock_take(&r->lock);
	r->ending = true;
	pthread_cond_broadcast(&r->freed);
	lock_release(&r->lock);
}
