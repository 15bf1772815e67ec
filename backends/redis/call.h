#ifndef CACHEFS_REDIS_CALL_H
#define CACHEFS_REDIS_CALL_H

/*
 * The commands of one operation, on a connection of its own (redis/command.h says what goes over
 * it). Nothing is held that a lock would be; begin waits (waiting_begin()) and fails with
 * -EHOSTDOWN while the server is away.
 *
 * An operation has one deadline, however many commands, replies and connections it takes (a part of
 * a listing can be a hundred round trips): it ends socket_timeout after it began, at most half of
 * that being spent on waiting for one of max_connections. If it has to connect, that may take
 * socket_connect_timeout, and all together the longer of the two. Only bytes buy more time, at the
 * rate of LINK_BYTES_PER_MS. What is late opens the breaker, and from then on nothing waits. Two
 * kinds of calls take longer: what changes all below a prefix has a turn for each REDIS_PAGE keys,
 * as a listing has behind a page of which no value is left, and what comes before the first probe
 * has ended waits for that as well, a read for no longer than half a second after the start.
 *
 * A call is one thread's; it is ended exactly when begin or again returned 0.
 */

#include "redis/store.h"

enum redis_call_kind { REDIS_READS, REDIS_WRITES };

struct redis_call {
	struct redis *r;
	struct redis_link *link;
	unsigned round; /* of the breaker */
	enum redis_call_kind kind;
	int64_t start_ms;  /* of the operation, by the clock that never jumps */
	bool away;         /* the server answered that it can't work now */
	bool tells_expiry; /* the last look asked for an instant, not for what remains */
	char why[BREAKER_REASON];
};

int redis_call_begin(struct redis_call *call, struct redis *r, enum redis_call_kind kind);

/* As begin(), for an operation that began before, with another call. */
int redis_call_again(struct redis_call *call, struct redis *r, enum redis_call_kind kind,
		     int64_t start_ms);

int redis_call_end(struct redis_call *call, int rc); /* returns rc */

/* Gives a turn's time to the next batch of a long operation. */
void redis_call_turn(struct redis_call *call);

#endif
