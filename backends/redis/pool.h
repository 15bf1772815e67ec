#ifndef CACHEFS_REDIS_POOL_H
#define CACHEFS_REDIS_POOL_H

/*
 * The connections of one layer: at most so many places, each of a link that is idle, in use or
 * being made; where new ones lead; and which of those that were given up the server may still obey.
 * A link is in the hands of whoever took it from here until he gives it back, and its place with
 * it. Thread-safe; nothing here talks to the server.
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
	uint64_t places, idle_count; /* taken, those of idle links included; of those */
	struct redis_address address;
	char run_id[REDIS_RUN_ID]; /* of the server that the lost ones are about */
	long long *lost;           /* the server's names for them, oldest first */
	size_t lost_count, lost_max;
};

/* Borrows the breaker, whose fall ends waits. 0 or -ENOMEM. */
int redis_pool_init(struct redis_pool *p, uint64_t places_max, const struct breaker *breaker);
void redis_pool_fini(struct redis_pool *p); /* closes what is idle; nothing is in use */

/*
 * A place for the caller: 0 with an idle link in it, or with *link NULL and leave to make one.
 * While all are busy it waits until the deadline, but not while the server is away: -EAGAIN.
 */
int redis_pool_take(struct redis_pool *p, const struct deadline *deadline,
		    struct redis_link **link);

/* Gives the place back: with a link that is even and watches nothing; or empty, the link freed. */
void redis_pool_add(struct redis_pool *p, struct redis_link *link);
void redis_pool_leave(struct redis_pool *p, struct redis_link *link); /* NULL: none was made */

/* A link that was made outside of the pool is idle from now on, if there is a place for it. It is
 * freed if not. */
void redis_pool_offer(struct redis_pool *p, struct redis_link *link);

/* Closes what is idle; and the server being away, nobody need wait for a place. */
void redis_pool_clear(struct redis_pool *p);
void redis_pool_give_up(struct redis_pool *p);

/* Where the server was reached last; size 0: nowhere yet. */
struct redis_address redis_pool_address(struct redis_pool *p);
void redis_pool_set_address(struct redis_pool *p, const struct redis_address *address);

/*
 * Connections whose last command may still be carried out: one more, by the server's name for it
 * (0: not known, so not noted); the oldest of the server with that run_id, 0 if there is none
 * (those to another life of it are over); and that this one is over.
 */
void redis_pool_note_lost(struct redis_pool *p, long long owner_id);
long long redis_pool_first_lost(struct redis_pool *p, const char *run_id);
void redis_pool_forget_lost(struct redis_pool *p);

#endif
