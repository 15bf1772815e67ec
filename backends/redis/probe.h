#ifndef CACHEFS_REDIS_PROBE_H
#define CACHEFS_REDIS_PROBE_H

/*
 * A probe finds out whether the server answers and which address its host has now. It makes sure
 * that the server carries out no more commands of lost links (redis/pool.h). The breaker gets the
 * result, and the pool the connection. One thread probes; another thread may cancel the probe.
 */

#include "base/lock.h"
#include "redis/resolve.h"

struct redis;

struct redis_prober {
	struct lock lock;        /* RANK_LAYER; guards the rest */
	struct resolve *resolve; /* the lookup of the host, while it runs */
	int fd;                  /* of the probe's connection, or -1 */
	bool cancelled;
};

void redis_prober_init(struct redis_prober *p);
void redis_prober_fini(struct redis_prober *p); /* no probe runs */

/* Probes the server. Takes at most socket_connect_timeout for the name server and for each address,
 * and socket_timeout for the greeting. The breaker must not be up. */
void redis_probe(struct redis *r);

/* Ends the current probe soon, and every later one. */
void redis_probe_cancel(struct redis *r);

#endif
