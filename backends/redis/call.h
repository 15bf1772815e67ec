#ifndef CACHEFS_REDIS_CALL_H
#define CACHEFS_REDIS_CALL_H

/*
 * The commands of one operation, on a connection of its own (redis/command.h has the commands and
 * the replies). A call holds no lock. redis_call_begin() may wait (waiting_begin()), and fails with
 * -EHOSTDOWN while the server is away.
 *
 * An operation has one deadline for all its commands, replies and connections (a part of a listing
 * can need a hundred round trips). The deadline is socket_timeout after the start; an operation
 * waits for one of max_connections for at most half of that time. If it has to connect, connecting
 * may take socket_connect_timeout, and the whole operation the longer of the two timeouts. Only
 * transferred bytes extend the deadline, at the rate of LINK_BYTES_PER_MS. A late operation opens
 * the breaker, and from then on no operation waits. Two kinds of calls may take longer. A change of
 * all keys below a prefix has a turn for each REDIS_PAGE keys, as a listing has after a page
 * without a value. A call before the end of the first probe waits for that probe as well; a read
 * waits for it no longer than half a second after the start.
 *
 * One thread uses a call. Each redis_call_begin() or redis_call_again() that returned 0 needs one
 * redis_call_end(); one that failed needs none.
 */

#include "redis/store.h"

enum redis_call_kind { REDIS_READS, REDIS_WRITES };

struct redis_call {
	struct redis *r;
	struct redis_link *link;
	unsigned round; /* of the breaker */
	enum redis_call_kind kind;
	int64_t start_ms;  /* start of the operation, by the monotonic clock */
	bool away;         /* the server answered that it cannot work now */
	bool tells_expiry; /* the last look asked for the time of expiry, not for the time left */
	char why[BREAKER_REASON];
};

int redis_call_begin(struct redis_call *call, struct redis *r, enum redis_call_kind kind);

/* As redis_call_begin(), for an operation that has begun before, with another call. */
int redis_call_again(struct redis_call *call, struct redis *r, enum redis_call_kind kind,
		     int64_t start_ms);

int redis_call_end(struct redis_call *call, int rc); /* returns rc */

/* Starts a new turn for the next batch of a long operation, unless the mount is ending. */
void redis_call_turn(struct redis_call *call);

#endif
