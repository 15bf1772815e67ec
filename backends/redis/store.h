#ifndef CACHEFS_REDIS_STORE_H
#define CACHEFS_REDIS_STORE_H

/*
 * The layer that all parts of the type "redis" share, how it lies in the server, and the map. Each
 * part calls those above it in the list, and has its contract in its header:
 *
 *   conf.c     the options                   member.c    metadata <-> members of the index
 *   secret.c   the password                  link.c      one connection
 *   said.c     what the log was told         resolve.c   the addresses of a host
 *   rollback.c what was acknowledged         info.c      what the server says of itself
 *   pool.c     the connections               greeting.c  what a new one says first
 *   command.c  commands and replies          call.c      which connection carries an operation
 *   look.c     what lies under one key       page.c      pages of the index
 *   keys.c     operations on one key         dirs.c      listings and markers
 *   prefix.c   all keys with a prefix        scan.c      all names in the server
 *   probe.c    whether the server is there   upkeep.c    the thread that probes and reconciles
 *   redis.c    opening, closing, the struct backend
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

#include "cache.h"
#include "kit/breaker.h"
#include "redis/conf.h"
#include "redis/info.h"
#include "redis/pool.h"
#include "redis/probe.h"
#include "redis/rollback.h"
#include "redis/said.h"
#include "redis/secret.h"

enum { REDIS_VALUE_MAX = 512 << 20 };

/* No server counts so far, nor does an expiry lie there. */
#define REDIS_COUNT_MAX (INT64_MAX / 16)

/* Nothing here changes after open() but what is atomic, and what its own module guards. */
struct redis {
	const struct redis_conf *conf;
	const struct backend_env *env;
	struct key prefix, index, dirs; /* of names in the server */
	char *names;                    /* behind index and dirs */
	struct redis_said said;
	struct redis_secret secret;
	struct redis_server server;
	struct redis_pool pool;
	struct redis_prober prober;
	struct breaker breaker;
	struct rollback rollback; /* lives: servers, and histories of their data */
	pthread_t upkeep;
	struct timespec opened; /* what a foreign value's mtime is when it can't be written down */
	int64_t opened_ms;      /* of the clock that never jumps */
	atomic_int_fast64_t ending_ms; /* likewise: the mount is ending since then; 0: it is not */
	atomic_uint_fast64_t entries;
	atomic_uint_fast64_t dropped; /* members of the index, since it was measured */
	atomic_uint_fast64_t adopted; /* values that got a member, since then */
};

#endif
