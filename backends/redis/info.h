#ifndef CACHEFS_REDIS_INFO_H
#define CACHEFS_REDIS_INFO_H

/*
 * What the server reports of itself (INFO): its memory, its abilities, the clock by which it
 * expires entries, and whether a missing entry was removed by somebody or dropped by the server
 * itself. Every new link reads INFO in its greeting; callers may also read it at any time. A server
 * that does not report is taken for one of the oldest kind. Thread-safe.
 */

#include <stdatomic.h>

#include "base/lock.h"
#include "cache.h"
#include "redis/link.h"
#include "redis/rollback.h"

enum { REDIS_RUN_ID = 41 };

/* The server has dropped no entry by itself since since_ms, as long as run_id, history and
 * `evicted` stay the same. */
struct redis_keeping {
	char run_id[REDIS_RUN_ID];  /* "": the server does not report it */
	char history[REDIS_RUN_ID]; /* of its data; a replica has its master's or a new one */
	uint64_t evicted;
	int64_t since_ms; /* by the monotonic clock */
};

struct redis_server {
	const char *layer_name; /* for the log; borrowed */
	const struct time_source *time;
	struct rollback *rollback;       /* notified of another server, and of other data */
	atomic_bool tells_expiry;        /* the server has PEXPIRETIME (7.0) */
	atomic_bool spares_recency;      /* a look is not a use: CLIENT NO-TOUCH (7.2), or no LRU */
	atomic_bool evicts_index;        /* the server may evict the index; this was logged */
	atomic_bool tells_clock;         /* its INFO has the time (7.0): */
	atomic_int_fast64_t skew_ms;     /* ms by which its clock was ahead of our steady one, */
	atomic_int_fast64_t our_skew_ms; /* and the wall clock of this machine then */
	atomic_uint_fast64_t bytes, max_bytes;
	struct lock lock; /* RANK_LAYER_INNER; guards the rest */
	struct redis_keeping keeping;
};

void redis_server_init(struct redis_server *s, const struct backend_env *env,
		       struct rollback *rollback);
void redis_server_fini(struct redis_server *s);

/*
 * Sends INFO within the link's turn, while no other reply is outstanding, and notes the answer.
 * run_id: NULL, or REDIS_RUN_ID bytes for the id of this run of the server; "": the server does not
 * report it. Returns 0; -EHOSTDOWN; or -EIO and the link is odd.
 */
int redis_info_read(struct redis_server *s, struct redis_link *link, char *run_id);

/* Implements kept_all() of struct backend, as of the last answer. */
bool redis_server_kept_all(struct redis_server *s, int64_t since_ms);

/*
 * redis_server_skew_ms(): ms by which the server's wall clock is ahead of our steady one, as of the
 * last answer. If the server does not report its clock, our wall clock is used.
 * redis_server_clock_was_set(): our wall clock was set since then. INFO should be read again,
 * because the server's clock was set too if it runs here.
 */
int64_t redis_server_skew_ms(const struct redis_server *s);
bool redis_server_clock_was_set(const struct redis_server *s);

#endif
