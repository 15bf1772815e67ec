#ifndef CACHEFS_REDIS_INFO_H
#define CACHEFS_REDIS_INFO_H

/*
 * What the server says of itself (INFO): how full it is, what it can do, by which clock it expires
 * entries, and whether an entry that is gone was removed by somebody or dropped by the server
 * itself. It is asked on a link, when that greets the server and whenever somebody wants to know;
 * a server that does not tell is taken for one of the oldest kind. Thread-safe.
 */

#include <stdatomic.h>

#include "base/lock.h"
#include "cache.h"
#include "redis/link.h"
#include "redis/rollback.h"

enum { REDIS_RUN_ID = 41 };

/* What is known of entries that the server dropped of its own accord: none since that instant, as
 * long as it is this server, and as it has evicted so many. */
struct redis_keeping {
	char run_id[REDIS_RUN_ID];  /* "": it does not say */
	char history[REDIS_RUN_ID]; /* of its data: a replica takes over its master's, or starts one
				     */
	uint64_t evicted;
	int64_t since_ms; /* of the clock that never jumps */
};

struct redis_server {
	const char *layer_name; /* for the log; borrowed */
	const struct time_source *time;
	struct rollback *rollback;       /* is told when it is another server, or has other data */
	atomic_bool tells_expiry;        /* it has PEXPIRETIME (7.0) */
	atomic_bool spares_recency;      /* a look is no use: CLIENT NO-TOUCH (7.2), or no LRU */
	atomic_bool evicts_index;        /* and the log has told */
	atomic_bool tells_clock;         /* its INFO has the time (7.0): */
	atomic_int_fast64_t skew_ms;     /* by how much its clock was ahead of our steady one, */
	atomic_int_fast64_t our_skew_ms; /* and the wall clock of this machine then */
	atomic_uint_fast64_t bytes, max_bytes;
	struct lock lock; /* RANK_LAYER_INNER; guards the rest */
	struct redis_keeping keeping;
};

void redis_server_init(struct redis_server *s, const struct backend_env *env,
		       struct rollback *rollback);
void redis_server_fini(struct redis_server *s);

/*
 * Asks, within the link's turn and with no other reply owed, and notes what it says. run_id, of
 * REDIS_RUN_ID bytes or NULL: which life of which server it is; "": it does not tell. 0;
 * -EHOSTDOWN, or -EIO and the link is odd.
 */
int redis_info_read(struct redis_server *s, struct redis_link *link, char *run_id);

/* As of the last answer: see kept_all() of struct backend. */
bool redis_server_kept_all(struct redis_server *s, int64_t since_ms);

/* By how much the server's wall clock is ahead of our steady one, as of the last answer; of a
 * server that does not tell: ours. Whether ours was set since, so that it should be asked anew: the
 * server's was set too, if it runs here. */
int64_t redis_server_skew_ms(const struct redis_server *s);
bool redis_server_clock_was_set(const struct redis_server *s);

#endif
