#ifndef CACHEFS_REDIS_LINK_H
#define CACHEFS_REDIS_LINK_H

/*
 * One connection to a Redis server. Commands are gathered and sent together; hiredis parses the
 * replies. The socket never blocks: all sending and receiving belongs to a *turn*, which has one
 * deadline. So a server that trickles its answer is as late as a silent one. Only transferred bytes
 * extend the deadline, at the rate of LINK_BYTES_PER_MS: a large value may take longer.
 *
 * Replies are input. One reply has at most LINK_REPLY_BYTES (and link->value_bytes more if a value
 * was asked for), and at most LINK_REPLY_ELEMENTS in all its arrays together. So the time of a
 * reply is bounded too. A link is *odd* if its server has sent what was not asked for: replies can
 * no longer be matched with commands. The last reply fails (-EIO), and the link can only be closed.
 * Other connections are not affected.
 *
 * One thread at a time uses a link. After a failure (-EHOSTDOWN, link->trouble has the reason) the
 * link is broken: replies may be outstanding, so it can only be closed.
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
	LINK_ENDING_MS = 2000, /* time that a turn has left when the mount ends */
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
	struct redis_link *next; /* in the pool's list */
	int fd;
	redisReader *reader;
	redisReplyObjectFunctions *makers; /* hiredis's functions that make replies */
	redisReplyObjectFunctions checkers;
	char *out; /* gathered commands, not sent yet */
	size_t out_size, out_capacity;
	int64_t start_ms, timeout_ms;
	uint64_t moved;       /* bytes transferred in this turn */
	size_t owed;          /* outstanding replies, to sent and to gathered commands */
	size_t missing;       /* arguments that the current command still lacks */
	uint64_t value_bytes; /* bytes that a reply may have beside LINK_REPLY_BYTES */
	uint64_t arrived;     /* bytes of the current reply */
	size_t elements;      /* array elements announced in the current reply */
	const struct time_source *time;
	const atomic_int_fast64_t *ending_ms; /* when the mount began to end; 0: it has not */
	bool broken;
	bool odd;
	bool watching;      /* a WATCH is in force */
	long long owner_id; /* the server's id of this connection; 0: unknown */
	char trouble[LINK_TROUBLE];
};

/* One argument of a command: its parts are joined. */
struct redis_arg {
	struct key parts[3];
};

struct redis_arg redis_word(const char *text);
struct redis_arg redis_bytes(struct key bytes);

/* Starts a turn at start_ms (monotonic clock) that may take timeout_ms. */
void redis_link_turn(struct redis_link *link, int64_t start_ms, int64_t timeout_ms);

/* Connects a link (malloc'ed, zeroed) within a turn. Returns 0, or -errno with the reason in
 * link->trouble: -EHOSTDOWN, or a shortage of this process. In every case redis_link_free() ends
 * the link. time and ending_ms outlive the link. */
int redis_link_open(struct redis_link *link, const struct redis_address *address,
		    const struct time_source *time, const atomic_int_fast64_t *ending_ms,
		    int64_t start_ms, int64_t timeout_ms);
void redis_link_free(struct redis_link *link);

/* True if the server has closed an unused link, or has sent bytes on it. */
bool redis_link_is_stale(const struct redis_link *link);

/* True if the next reply will be that of the next command: no reply is outstanding, and the link is
 * neither broken nor odd. */
bool redis_link_is_even(const struct redis_link *link);

/* Overwrites the buffer of sent commands, because a command may have contained a secret. */
void redis_link_wipe(struct redis_link *link);

/* Begins a command. Exactly `count` calls of redis_link_add() or redis_link_add_value() follow. */
void redis_link_begin(struct redis_link *link, size_t count);
void redis_link_add(struct redis_link *link, struct redis_arg arg);

/* As redis_link_add(). A large value is sent from its own memory or file, not gathered. */
void redis_link_add_value(struct redis_link *link, const struct value *value);

/* Gathers a whole command of these arguments. */
void redis_link_command(struct redis_link *link, size_t count, const struct redis_arg *args);
#define REDIS_LINK_COMMAND(link, ...)                                                              \
	redis_link_command(link,                                                                   \
			   sizeof((struct redis_arg[]){ __VA_ARGS__ }) / sizeof(struct redis_arg), \
			   (struct redis_arg[]){ __VA_ARGS__ })

/*
 * Sends the gathered commands, and receives one reply, which the caller frees with
 * freeReplyObject(). A reply must be outstanding, or the link broken. An error of the server is a
 * reply. Returns 0; -EHOSTDOWN; or -EIO: the link is odd, because the last outstanding reply came
 * with more behind it.
 */
int redis_link_reply(struct redis_link *link, redisReply **reply);

#endif
