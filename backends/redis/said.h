#ifndef CACHEFS_REDIS_SAID_H
#define CACHEFS_REDIS_SAID_H

/*
 * What the log is told of one server, each thing once: what it objects to, what is damaged in it,
 * that it takes no sets, that it lost something. The texts are the server's own, cut off at some
 * hundred bytes; values and passwords are never among them. Thread-safe, without a lock.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include "base/key.h"

struct redis_said {
	const char *layer_name;     /* borrowed */
	char place[128];            /* of the server */
	atomic_bool refuses_writes; /* it is out of memory, or a replica */
	atomic_uint_fast64_t damaged, objections;
	atomic_uint life; /* of rollback.h: it was said that this one had lost something */
};

/* What the server objects to. */
void redis_objection(struct redis_said *said, const char *text);

/* What is wrong with one key. */
void redis_damaged(struct redis_said *said, struct key key, const char *what);

/* The server refuses what changes it; and takes it again. */
void redis_refusal(struct redis_said *said, const char *text);
void redis_acceptance(struct redis_said *said);

/* It came back with older data, in this life, which shows in this key. */
void redis_came_back(struct redis_said *said, unsigned life, struct key key);

#endif
