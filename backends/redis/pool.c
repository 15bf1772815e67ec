/* The connections of one layer. See redis/pool.h. */
#include "redis/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int redis_pool_init(struct redis_pool *p, uint64_t places_max, const struct breaker *breaker)
{
	*p = (struct redis_pool){ .breaker = breaker,
				  .places_max = places_max,
				  .lost_max = 2 * places_max };
	lock_init(&p->lock, RANK_LAYER_INNER);
	condition_init(&p->returned);
	p->lost = calloc(p->lost_max, sizeof(*p->lost));
	return p->lost ? 0 : -ENOMEM;
}

void redis_pool_fini(struct redis_pool *p)
{
	redis_pool_clear(p);
	assert(p->places == 0);
	free(p->lost);
	pthread_cond_destroy(&p->returned);
	lock_fini(&p->lock);
}

/* --- places ----------------------------------------------------------------------------------- */

static void check_locked(const struct redis_pool *p)
{
	assert(lock_is_held(&p->lock));
	assert(p->idle_count <= p->places && p->places <= p->places_max);
	assert((p->idle == NULL) == (p->idle_count == 0));
	assert(p->lost_count <= p->lost_max);
}

static struct redis_link *pop_locked(struct redis_pool *p)
{
	struct redis_link *link = p->idle;

	check_locked(p);
	if (link) {
		p->idle = link->next;
		p->idle_count--;
	}
	return link;
}

static void push_locked(struct redis_pool *p, struct redis_link *link)
{
	assert(redis_link_is_even(link) && !link->watching);
	link->next = p->idle;
	p->idle = link;
	p->idle_count++;
	check_locked(p);
	pthread_cond_signal(&p->returned);
}

static bool reserve_locked(struct redis_pool *p)
{
	bool room = p->places < p->places_max;

	p->places += room;
	check_locked(p);
	return room;
}

int redis_pool_take(struct redis_pool *p, const struct deadline *deadline, struct redis_link **link)
{
	int rc = 0;

	lock_take(&p->lock);
	while (!(*link = pop_locked(p)) && !reserve_locked(p)) {
		if (breaker_is(p->breaker) != BREAKER_DOWN &&
		    condition_wait_until(&p->returned, &p->lock, deadline))
			continue;
		rc = -EAGAIN;
		break;
	}
	lock_release(&p->lock);
	return rc;
}

void redis_pool_add(struct redis_pool *p, struct redis_link *link)
{
	lock_take(&p->lock);
	push_locked(p, link);
	lock_release(&p->lock);
}

void redis_pool_leave(struct redis_pool *p, struct redis_link *link)
{
	if (link)
		redis_link_free(link);
	lock_take(&p->lock);
	assert(p->places > p->idle_count);
	p->places--;
	pthread_cond_signal(&p->returned);
	lock_release(&p->lock);
}

void redis_pool_offer(struct redis_pool *p, struct redis_link *link)
{
	lock_take(&p->lock);
	bool room = reserve_locked(p);
	if (room)
		push_locked(p, link);
	lock_release(&p->lock);
	if (!room)
		redis_link_free(link);
}

void redis_pool_clear(struct redis_pool *p)
{
	for (;;) {
		lock_take(&p->lock);
		struct redis_link *link = pop_locked(p);
		lock_release(&p->lock);
		if (!link)
			return;
		redis_pool_leave(p, link);
	}
}

void redis_pool_give_up(struct redis_pool *p)
{
	redis_pool_clear(p);
	lock_take(&p->lock);
	pthread_cond_broadcast(&p->returned);
	lock_release(&p->lock);
}

/* --- where new ones lead ---------------------------------------------------------------------- */

struct redis_address redis_pool_address(struct redis_pool *p)
{
	lock_take(&p->lock);
	struct redis_address address = p->address;
	lock_release(&p->lock);
	return address;
}

void redis_pool_set_address(struct redis_pool *p, const struct redis_address *address)
{
	lock_take(&p->lock);
	p->address = *address;
	lock_release(&p->lock);
}

/* --- what was given up ------------------------------------------------------------------------ */

void redis_pool_note_lost(struct redis_pool *p, long long owner_id)
{
	lock_take(&p->lock);
	if (owner_id > 0 && p->lost_count < p->lost_max)
		p->lost[p->lost_count++] = owner_id;
	lock_release(&p->lock);
}

long long redis_pool_first_lost(struct redis_pool *p, const char *run_id)
{
	lock_take(&p->lock);
	if (strcmp(run_id, p->run_id) != 0)
		p->lost_count = 0;
	snprintf(p->run_id, sizeof(p->run_id), "%s", run_id);
	long long id = p->lost_count > 0 ? p->lost[0] : 0;
	lock_release(&p->lock);
	return id;
}

void redis_pool_forget_lost(struct redis_pool *p)
{
	lock_take(&p->lock);
	if (p->lost_count > 0)
		memmove(p->lost, p->lost + 1, --p->lost_count * sizeof(p->lost[0]));
	lock_release(&p->lock);
}
