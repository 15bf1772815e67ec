#ifndef CACHEFS_REDIS_STORE_H
#define CACHEFS_REDIS_STORE_H

/*
 * What the parts of the redis layer share, and how it lies in the server:
 *
 *   redis.c         the backend: options, and operations on one key
 *   redis/look.c    what lies under one key
 *   redis/list.c    pages of the index: listing, prefixes
 *   redis/call.c    the pool of connections; commands and transactions
 *   redis/link.c    one connection          redis/member.c  metadata <-> members of the index
 *   redis/secret.c  the password
 *   redis/upkeep.c  the thread that probes, reconciles and measures
 *   redis/info.c    what the server says of itself
 *
 * A value is a plain string at key_prefix + key, with the expiry that Redis itself keeps, as every
 * program writes it that shares the store. Beside the values, outside of key_prefix, are two sorted
 * sets whose scores are all 0, so they are ordered by the bytes of their members, the order of
 * keys (redis/member.h): `cachefs:index:` + key_prefix has a member with the metadata of each
 * entry, `cachefs:dirs:` + key_prefix one of each marker. A value and its member change in one
 * MULTI. Other programs know nothing of members, so a member is believed only if it fits the value;
 * a value without one is foreign and gets one when it is met. Losing the index loses metadata, and
 * no value. WATCH guards what was read before it is written; no script is used.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "kit/breaker.h"
#include "cache.h"
#include "base/lock.h"
#include "redis/link.h"
#include "redis/member.h"
#include "redis/resolve.h"
#include "redis/rollback.h"

struct redis_conf {
	char *host;
	uint64_t port;
	uint64_t db;
	char *unix_socket_path;
	char *username;
	char *password, *password_file, *password_env;
	int64_t socket_timeout_ms, connect_timeout_ms;
	uint64_t max_connections;
	char *key_prefix;
	bool decode_responses;
	bool foreign_writers;
};

enum { REDIS_VALUE_MAX = 512 << 20, REDIS_RUN_ID = 41 };

/* No server counts so far, nor does an expiry lie there. */
#define REDIS_COUNT_MAX (INT64_MAX / 16)

/* What is known of entries that the server dropped of its own accord: none since that instant, as
 * long as it is this server, and as it has evicted so many. */
struct redis_keeping {
	char run_id[REDIS_RUN_ID];  /* "": it does not say */
	char history[REDIS_RUN_ID]; /* of its data: a replica takes over its master's, or starts one
				     */
	uint64_t evicted;
	int64_t since_ms; /* CLOCK_MONOTONIC */
};

struct redis {
	const struct redis_conf *conf;
	const struct backend_env *env;
	char place[128]; /* of the server, for messages */
	struct key prefix, index, dirs;
	char *names; /* behind index and dirs */
	struct breaker breaker;
	struct rollback rollback; /* lives: servers, and histories of their data */
	atomic_uint told_life;    /* it was said that this one had lost something */
	int64_t opened_ms;        /* CLOCK_MONOTONIC */
	atomic_int_fast64_t ending_ms; /* likewise: the mount is ending since then; 0: it is not */
	struct timespec opened; /* what a foreign value's mtime is when it can't be written down */
	atomic_bool tells_expiry;   /* the server has PEXPIRETIME (7.0) */
	atomic_bool tells_clock;    /* so does its INFO the time (7.0): */
	atomic_int_fast64_t skew_ms;     /* by how much its clock was ahead of our steady one, */
	atomic_int_fast64_t our_skew_ms; /* and the wall clock of this machine then */
	atomic_bool evicts_index; /* and the log has told */
	atomic_bool spares_recency; /* a look is no use: CLIENT NO-TOUCH (7.2), or no LRU */
	atomic_bool refuses_writes; /* out of memory, a replica: logged once */
	atomic_uint_fast64_t damaged, objections; /* what was said in the log */
	atomic_uint_fast64_t dropped;             /* members of the index, since it was measured */
	atomic_uint_fast64_t adopted;             /* values that got a member, since then */
	atomic_uint_fast64_t entries, bytes, max_bytes;

	/* The pool: guarded by pool (RANK_LAYER_INNER). */
	struct lock pool;
	char *secret; /* the password; NULL: none */
	pthread_cond_t returned;
	struct redis_link *idle;
	uint64_t links;
	struct redis_address address; /* that the prober reached; size 0: none yet */
	int probe_fd;                 /* of its connection, or -1 */
	char run_id[REDIS_RUN_ID];    /* of the server that the rest is about */
	long long *lost;              /* connections whose last command may still be carried out */
	size_t lost_count, lost_max;
	struct redis_keeping keeping;

	/* The thread: guarded by upkeep (RANK_LAYER). */
	struct lock upkeep;
	pthread_t thread;
	struct resolve *resolve; /* of the host, while it is being asked for */
	bool stop;
};

/* --- arguments -------------------------------------------------------------------------------- */

struct redis_arg redis_word(const char *text);
struct redis_arg redis_bytes(struct key bytes);
struct redis_arg redis_value_name(const struct redis *r, struct key key);
/* The bounds of a range of members: those of one key; those of the keys below a directory. */
struct redis_arg redis_from(struct key key);
struct redis_arg redis_to(struct key key);

/* --- calls: redis/call.c ---------------------------------------------------------------------- */

/*
 * The commands of one operation, on a connection of its own. Nothing is held that a lock would be;
 * begin waits (waiting_begin()) and fails with -EHOSTDOWN while the server is away.
 *
 * An operation has one deadline, however many commands, replies and connections it takes (a part of
 * a listing can be a hundred round trips): it ends socket_timeout after it began, at most half of
 * that being spent on waiting for one of max_connections. If it has to connect, that may take
 * socket_connect_timeout, and all together the longer of the two. Only bytes buy more time, at the
 * rate of LINK_BYTES_PER_MS. What is late opens the breaker, and from then on nothing waits. Two
 * kinds of calls take longer: what changes all below a prefix has a turn for each REDIS_PAGE keys,
 * as a listing has behind a page of which no value is left, and what comes before the first probe
 * has ended waits for that as well, a read for no longer than half a second after the start.
 */
enum redis_call_kind { REDIS_READS, REDIS_WRITES };

struct redis_call {
	struct redis *r;
	struct redis_link *link;
	unsigned round; /* of the breaker */
	enum redis_call_kind kind;
	int64_t start_ms;  /* of the operation, CLOCK_MONOTONIC */
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

/* Gathers a whole command of `count` arguments. */
void redis_command(struct redis_call *call, size_t count, const struct redis_arg *args);
#define REDIS_COMMAND(call, ...)                                                                   \
	redis_command(call,                                                                        \
		      sizeof((struct redis_arg[]){ __VA_ARGS__ }) / sizeof(struct redis_arg),      \
		      (struct redis_arg[]){ __VA_ARGS__ })

/* Receives one reply; an error of the server becomes -errno. The reply is the caller's. */
int redis_reply(struct redis_call *call, redisReply **reply);
int redis_reply_skip(struct redis_call *call);                     /* the same, not wanted */

/*
 * The same of a reply that has to be of a type, a status, or a number of something. Whoever gets
 * another makes its link odd (redis/link.h), and -EIO of it: redis_odd().
 */
int redis_expect(struct redis_call *call, const char *command, int type, redisReply **reply);
int redis_expect_status(struct redis_call *call, const char *command, const char *status);
int redis_expect_number(struct redis_call *call, const char *command, int64_t *number);
int redis_odd(struct redis_call *call, const char *command);
bool redis_is_list(const redisReply *reply); /* an array of strings */

int redis_error(struct redis_call *call, const redisReply *reply); /* 0: it is none */

/*
 * A transaction: MULTI, `queued` commands, and this, which sends EXEC and receives its array.
 * -EAGAIN: what was watched has changed. An error of any command is the transaction's, but for
 * WRONGTYPE: that stays in the array.
 */
int redis_exec(struct redis_call *call, size_t queued, redisReply **reply);
int redis_exec_skip(struct redis_call *call, size_t queued);

/* Opens a connection by the book (AUTH, SELECT, whose it is: run_id has REDIS_RUN_ID bytes, ""
 * when the server does not tell us); for the pool and the prober. 0, or -errno with the reason in
 * link->trouble. */
int redis_link_greet(struct redis *r, struct redis_link *link, char *run_id);
void redis_pool_add(struct redis *r, struct redis_link *link);
void redis_pool_clear(struct redis *r); /* closes what is idle */

/* Whether an entry or a marker is of before a change that the server had acknowledged: it came back
 * with older data. Logged once. */
bool redis_is_old(struct redis *r, struct key key, const struct meta *meta);

/* Logs what the server objects to, each text once. */
void redis_objection(struct redis *r, const char *text);

/* Logs what is wrong with one key, once. */
void redis_damaged(struct redis *r, struct key key, const char *what);

/* --- the password: redis/secret.c ------------------------------------------------------------- */

int redis_secret_read(struct redis *r);   /* as it is now; 0, or -errno and the old one stays */
char *redis_secret_copy(struct redis *r); /* NULL: none, or out of memory */
void redis_secret_free(char *secret);     /* wipes it; NULL is fine */

/* --- one key: redis.c ------------------------------------------------------------------------- */

/* A value without a member gets one, if nobody does anything to it meanwhile. */
void redis_adopt(struct redis *r, struct key key);

/* --- the index: redis/list.c ------------------------------------------------------------------ */

struct redis_item {
	struct key key;    /* borrows the page's reply */
	struct key member; /* likewise */
	struct meta meta;
	struct end_record ends;
	bool known;      /* meta has the value's checksum */
	bool dead;       /* expired, or its value is gone, or it is: */
	bool old;        /* see redis_is_old() */
	bool strange;    /* the value is another one than meta describes */
	bool unmeasured; /* it may be */
};

enum { REDIS_PAGE = 128 };

/* Some members in their order. Made with = {0}, ended with redis_page_fini(). */
struct redis_page {
	redisReply *reply;
	struct redis_item items[REDIS_PAGE];
	size_t count, next;
	bool end;         /* no member follows */
	struct key after; /* the last member, for the next page; borrows the reply */
};

/* The keys from `first` to before `end`, or all from there on; and of their members those behind
 * `after`, if that has bytes. */
struct redis_range {
	struct key first, after, end;
	bool unbounded;
};

/*
 * The first members of set that are in the range. It is one of keys: a member that lies in it by
 * its bytes alone (for its key is shorter, and goes on with metadata) is left out. Damaged ones are
 * dropped from the set and left out. -EIO: the server says what is not in the range, or no order.
 */
int redis_page_read(struct redis_call *call, struct key set, const struct redis_range *range,
		    size_t limit, struct redis_page *page);
/* Finds out which items have lost their value, and drops those members. */
int redis_page_check(struct redis_call *call, struct redis_page *page);
void redis_page_fini(struct redis_page *page);

int redis_list(void *state, struct key dir, struct key after, bool after_is_dir,
	       struct children *batch);
int redis_dir_stat(void *state, struct key dir, struct meta *meta);
int redis_remove_prefix(void *state, struct key prefix);
int redis_remove_unreachable(void *state); /* redis/upkeep.c */
int redis_rename_prefix(void *state, struct key from, struct key to);
int redis_check_rename_prefix(void *state, struct key from, struct key to);

/* --- what the server says of itself: redis/info.c --------------------------------------------- */

/* Asks, and notes how full it is, what it can do, what it keeps, and whether it is another one than
 * before. run_id as in redis_link_greet(). 0 or -errno. */
int redis_info_read(struct redis *r, struct redis_link *link, char *run_id);

/* By how much the server's wall clock is ahead of our steady one, as of a second ago, or asked for
 * now if ours has been set since; of a server that does not tell: ours. No call is under way. */
int64_t redis_skew_ms(struct redis *r);
bool redis_kept_all(void *state, int64_t since_ms); /* the backend's */

/* --- the thread: redis/upkeep.c --------------------------------------------------------------- */

int redis_upkeep_start(struct redis *r);
void redis_upkeep_stop(struct redis *r);

#endif
