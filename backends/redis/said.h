#ifndef CACHEFS_REDIS_SAID_H
#define CACHEFS_REDIS_SAID_H

/*
 * Messages about one server, each logged once: its error replies, damage in it, refused sets, and
 * lost changes. The texts are the server's own, cut off at some hundred bytes, without values and
 * passwords. Thread-safe, without a lock.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include "base/key.h"

struct redis_said {
	const char *layer_name;     /* borrowed */
	char place[128];            /* of the server */
	atomic_bool refuses_writes; /* the server is out of memory, or a replica */
	atomic_uint_fast64_t damaged, objections;
	atomic_uint life; /* of rollback.h: the last life whose lost changes were logged */
};

/* Logs an error reply of the server. */
void redis_objection(struct redis_said *said, const char *text);

/* Logs damage of one key. */
void redis_damaged(struct redis_said *said, struct key key, const char *what);

/* Log that the server refuses changes, and that it accepts them again. */
void redis_refusal(struct redis_said *said, const char *text);
void redis_acceptance(struct redis_said *said);

/* Logs that the server came back with older data in this life. The key is an example. */
void redis_came_back(struct redis_said *said, unsigned life, struct key key);

#endif
