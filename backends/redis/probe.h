#ifndef CACHEFS_REDIS_PROBE_H
#define CACHEFS_REDIS_PROBE_H

/*
 * Probing: looking whether the server is there, where its host leads now, and making sure that it
 * has done with what it was asked before it was given up. What is found out is the breaker's, and
 * the connection the pool's. One thread probes; another may cut it off.
 */

#include "base/lock.h"
#include "redis/resolve.h"

struct redis;

struct redis_prober {
	struct lock lock;        /* RANK_LAYER; guards the rest */
	struct resolve *resolve; /* of the host, while it is being asked for */
	int fd;                  /* of the connection that is being made, or -1 */
	bool cancelled;
};

void redis_prober_init(struct redis_prober *p);
void redis_prober_fini(struct redis_prober *p); /* no probe is under way */

/* Takes as long as socket_connect_timeout for the name server and for each address, and
 * socket_timeout for the greeting; the breaker is not up. */
void redis_probe(struct redis *r);

/* Ends the one under way soon, and all that follow. */
void redis_probe_cancel(struct redis *r);

#endif
