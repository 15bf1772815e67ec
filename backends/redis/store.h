#ifndef CACHEFS_REDIS_STORE_H
#define CACHEFS_REDIS_STORE_H

/*
 * The struct that all modules of the type "redis" share, the layout of the data in the server, and
 * the map. Each module calls those above it in the list, and has its contract in its header:
 *
 *   conf.c     the options                   member.c    metadata <-> members of the index
 *   secret.c   the password                  link.c      one connection
 *   said.c     messages, each logged once    resolve.c   the addresses of a host
 *   rollback.c acknowledged changes          info.c      what the server reports of itself
 *   pool.c     the connections               greeting.c  the first commands of a connection
 *   command.c  commands and replies          call.c      the connection of an operation
 *   look.c     the state of one key          page.c      pages of the index
 *   keys.c     operations on one key         dirs.c      listings and markers
 *   prefix.c   all keys with a prefix        scan.c      all names in the server
 *   probe.c    whether the server answers    upkeep.c    the thread that probes and reconciles
 *   redis.c    opening, closing, the struct backend
 *
 * A value is a plain string at key_prefix + key, with an expiry that Redis itself keeps, as every
 * program writes it that shares the store. Beside the values, outside of key_prefix, are two sorted
 * sets. All scores are 0, so members are ordered by their bytes, which is the order of keys
 * (redis/member.h). `cachefs:index:` + key_prefix has a member with the metadata of each entry,
 * `cachefs:dirs:` + key_prefix a member of each marker. A value and its member change in one MULTI.
 * Other programs do not know members, so a member counts only if it fits the value. A value without
 * a member is foreign, and gets a member when an operation meets it. A loss of the index loses
 * metadata, but no value. WATCH guards what was read before it is written; no script is used.
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

/* Counts and expiries of a server are never greater. */
#define REDIS_COUNT_MAX (INT64_MAX / 16)

/* After open() only atomic fields change, and fields that their own module guards. */
struct redis {
	const struct redis_conf *conf;
	const struct backend_env *env;
	struct key prefix, index, dirs; /* names in the server */
	char *names;                    /* the bytes of index and dirs */
	struct redis_said said;
	struct redis_secret secret;
	struct redis_server server;
	struct redis_pool pool;
	struct redis_prober prober;
	struct breaker breaker;
	struct rollback rollback; /* each server, and each history of its data, is a life */
	pthread_t upkeep;
	struct timespec opened;        /* mtime of a foreign value whose member cannot be written */
	int64_t opened_ms;             /* by the monotonic clock */
	atomic_int_fast64_t ending_ms; /* likewise: the mount began to end then; 0: it has not */
	atomic_uint_fast64_t entries;
	atomic_uint_fast64_t dropped; /* members removed from the index since it was measured */
	atomic_uint_fast64_t adopted; /* values that got a member since then */
};

#endif
