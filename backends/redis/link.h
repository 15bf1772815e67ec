#ifndef CACHEFS_REDIS_LINK_H
#define CACHEFS_REDIS_LINK_H

/*
 * One connection to a Redis server. Commands are gathered and go out together; replies are parsed
 * by hiredis. The socket never blocks: what is sent and received belongs to a *turn* that has a
 * deadline as a whole, so a server that trickles its answer is as late as one that is silent. Only
 * bytes that flow, at LINK_BYTES_PER_MS and more, buy time: a large value may take longer.
 *
 * What comes is input. One reply has at most LINK_REPLY_BYTES (link->value_bytes more where a value
 * was asked for) and LINK_REPLY_ELEMENTS, all arrays in it together, so its time is bounded too. A
 * link whose server says what was not asked for is *odd*: which reply belongs to which command is
 * not known any more. What it said last fails (-EIO), and it can only be closed; that says nothing
 * of other connections.
 *
 * Used by one thread at a time. After a failure (-EHOSTDOWN, link->trouble says what happened) the
 * link is broken: replies may be owed, so it can only be closed.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <hiredis/hiredis.h>

#include "base/key.h"
#include "base/time_source.h"
#include "base/value.h"

enum {
	LINK_BYTES_PER_MS = 1024,
	LINK_TROUBLE = 160,
	LINK_REPLY_BYTES = 16 << 20, /* more than a page of members with all their attributes */
	LINK_REPLY_ELEMENTS = 1 << 16,
	LINK_ENDING_MS = 2000, /* what a turn has left when the mount ends */
};

#if HIREDIS_MAJOR >= 1
#define LINK_ARRAY_SIZE size_t
#else
#define LINK_ARRAY_SIZE int
#endif

struct redis_address {
	struct sockaddr_storage bytes;
	socklen_t size; /* 0: not known */
};

struct redis_link {
	struct redis_link *next; /* the pool's */
	int fd;
	redisReader *reader;
	redisReplyObjectFunctions *makers; /* hiredis's own, of replies */
	redisReplyObjectFunctions checkers;
	char *out; /* gathered, not sent yet */
	size_t out_size, out_capacity;
	int64_t start_ms, timeout_ms;
	uint64_t moved;       /* bytes in this turn */
	size_t owed;          /* replies to what was gathered or sent, not received yet */
	size_t missing;       /* arguments of the command that is being gathered */
	uint64_t value_bytes; /* that a reply may have beside LINK_REPLY_BYTES */
	uint64_t arrived;     /* bytes, of the reply that is under way */
	size_t elements;      /* announced in it */
	const struct time_source *time;
	const atomic_int_fast64_t *ending_ms; /* when the mount began to end; 0: it has not */
	bool broken;
	bool odd;
	bool watching;      /* a WATCH is in force */
	long long owner_id; /* the server's name for this connection; 0: not known */
	char trouble[LINK_TROUBLE];
};

/* One argument of a command: its parts one after the other. */
struct redis_arg {
	struct key parts[3];
};

struct redis_arg redis_word(const char *text);
struct redis_arg redis_bytes(struct key bytes);

/* A turn that began at the instant start_ms (of the clock that never jumps), and may take
 * timeout_ms. */
void redis_link_turn(struct redis_link *link, int64_t start_ms, int64_t timeout_ms);

/* Connects a link (malloc'ed, zeroed) within a turn. 0 or -EHOSTDOWN with the trouble; either way
 * it is ended by redis_link_free(). time and ending_ms outlive the link. */
int redis_link_open(struct redis_link *link, const struct redis_address *address,
		    const struct time_source *time, const atomic_int_fast64_t *ending_ms,
		    int64_t start_ms, int64_t timeout_ms);
void redis_link_free(struct redis_link *link);

/* Whether a link that nobody uses was closed by the server, or got what nobody asked for. */
bool redis_link_is_stale(const struct redis_link *link);

/* Whether the next command's reply will be the next one that is received: nothing is owed, and it
 * is not odd. */
bool redis_link_is_even(const struct redis_link *link);

/* Overwrites what was gathered, once it has been sent: it may have been a secret. */
void redis_link_wipe(struct redis_link *link);

/* A command of `count` arguments, then exactly so many redis_link_add(). */
void redis_link_begin(struct redis_link *link, size_t count);
void redis_link_add(struct redis_link *link, struct redis_arg arg);

/* As add(); a large value is sent from where it lies, not gathered. */
void redis_link_add_value(struct redis_link *link, const struct value *value);

/* All of that: a command of these arguments. */
void redis_link_command(struct redis_link *link, size_t count, const struct redis_arg *args);
#define REDIS_LINK_COMMAND(link, ...)                                                              \
	redis_link_command(link,                                                                   \
			   sizeof((struct redis_arg[]){ __VA_ARGS__ }) / sizeof(struct redis_arg), \
			   (struct redis_arg[]){ __VA_ARGS__ })

/* Sends what was gathered, and receives one reply (to be freed with freeReplyObject()); one is
 * owed, or the link is broken. Errors of the server are replies. 0 or -EHOSTDOWN, -ENOMEM; -EIO: it
 * is odd, the last of the replies that are owed came with more behind it. */
int redis_link_reply(struct redis_link *link, redisReply **reply);

#endif
