#ifndef CACHEFS_REDIS_COMMAND_H
#define CACHEFS_REDIS_COMMAND_H

/*
 * Commands of a call, and what the server says to them. Commands are gathered, and go out when the
 * first reply is asked for; replies come in the order of the commands, and each is asked for once.
 * Errors that the server answers become -errno: what it means by them is said here alone, and
 * logged once. Replies are input: one of another type than the command has makes the link odd
 * (redis/link.h), and fails with -EIO.
 */

#include "redis/call.h"

/* --- arguments: borrowed until the command is gathered -----------------------------------------
 */

struct redis_arg redis_value_name(const struct redis *r, struct key key);

/* The bounds of the range of members that one key has. */
struct redis_arg redis_from(struct key key);
struct redis_arg redis_to(struct key key);

/* Gathers a whole command of these arguments. */
#define REDIS_COMMAND(call, ...) REDIS_LINK_COMMAND((call)->link, __VA_ARGS__)

/* --- replies ---------------------------------------------------------------------------------- */

/* Receives one reply, the caller's (freeReplyObject()); NULL unless 0 is returned. */
int redis_reply(struct redis_call *call, redisReply **reply);
int redis_reply_skip(struct redis_call *call); /* the same, not wanted */

/* The same of a reply that has to be of a type; a status; or a number of something, none of which
 * is negative or above REDIS_COUNT_MAX. */
int redis_expect(struct redis_call *call, const char *command, int type, redisReply **reply);
int redis_expect_status(struct redis_call *call, const char *command, const char *status);
int redis_expect_number(struct redis_call *call, const char *command, int64_t *number);

/* What an error means; 0: the reply is none. */
int redis_error(struct redis_call *call, const redisReply *reply);

/* The command's reply is none that a server gives: -EIO, and the link is odd. */
int redis_odd(struct redis_call *call, const char *command);

bool redis_is_list(const redisReply *reply); /* an array of strings */

/* --- transactions ----------------------------------------------------------------------------- */

/*
 * MULTI, `queued` commands, and this, which sends EXEC and receives its array; no other reply is
 * owed. -EAGAIN: what was watched has changed. An error of any command is the transaction's, but
 * for WRONGTYPE: that stays in the array.
 */
int redis_exec(struct redis_call *call, size_t queued, redisReply **reply);
int redis_exec_skip(struct redis_call *call, size_t queued);

#endif
