#ifndef CACHEFS_REDIS_POOL_H
#define CACHEFS_REDIS_POOL_H

/*
 * The connections of one layer. Each of at most places_max places has a link that is idle, in use
 * or being made. The pool also has the address for new links, and the given-up links whose last
 * command the server may still carry out. Whoever takes a link owns the link and its place until
 * they are given back. Thread-safe; nothing here talks to the server.
 */

#include "base/lock.h"
#include "kit/breaker.h"
#include "redis/info.h"
#include "redis/link.h"

struct redis_pool {
	const struct breaker *breaker;
	uint64_t places_max;
	struct lock lock; /* RANK_LAYER_INNER; guards the rest */
	pthread_cond_t returned;
	struct redis_link *idle;
	uint64_t places, idle_count; /* taken places, with those of idle links; idle links */
	struct redis_address address;
	char run_id[REDIS_RUN_ID]; /* of the server that the lost links led to */
	long long *lost;           /* the server's ids of the lost links, oldest first */
	size_t lost_count, lost_max;
};

/* Borrows the breaker; waits end when it opens. Returns 0 or -ENOMEM. */
int redis_pool_init(struct redis_pool *p, uint64_t places_max, const struct breaker *breaker);
void redis_pool_fini(struct redis_pool *p); /* closes idle links; none is in use */

/*
 * Takes a place: returns 0 with an idle link in it, or with *link NULL if the caller may make one.
 * While all places are taken, it waits until the deadline, but not while the server is away.
 * -EAGAIN: there is no place.
 */
int redis_pool_take(struct redis_pool *p, const struct deadline *deadline,
		    struct redis_link **link);

/* Give the place back: with a link that is even and watches nothing; or empty: the link is
 * freed. */
void redis_pool_add(struct redis_pool *p, struct redis_link *link);
void redis_pool_leave(struct redis_pool *p, struct redis_link *link); /* NULL: none was made */

/* Puts a link that was made outside of the pool into a place as idle. Frees the link if there is no
 * place. */
void redis_pool_offer(struct redis_pool *p, struct redis_link *link);

/* redis_pool_clear() closes the idle links. redis_pool_give_up() also ends the waits for a place,
 * because the server is away. */
void redis_pool_clear(struct redis_pool *p);
void redis_pool_give_up(struct redis_pool *p);

/* The address at which the server was reached last; size 0: none yet. */
struct redis_address redis_pool_address(struct redis_pool *p);
void redis_pool_set_address(struct redis_pool *p, const struct redis_address *address);

/*
 * The lost links: the server may still carry out their last commands. redis_pool_note_lost() adds
 * one by the server's id (0: unknown, not added). redis_pool_first_lost() returns the oldest of the
 * server with that run_id, 0 if there is none, and forgets those of another run.
 * redis_pool_forget_lost() removes the oldest, which has ended.
 */
void redis_pool_note_lost(struct redis_pool *p, long long owner_id);
long long redis_pool_first_lost(struct redis_pool *p, const char *run_id);
void redis_pool_forget_lost(struct redis_pool *p);

#endif
