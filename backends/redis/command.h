#ifndef CACHEFS_REDIS_COMMAND_H
#define CACHEFS_REDIS_COMMAND_H

/*
 * Commands of a call, and the replies to them. Commands are gathered, and sent when the first reply
 * is asked for. Replies come in the order of the commands; each is asked for once. An error reply
 * becomes -errno: this module alone chooses the errno, and logs the error once. Replies are input:
 * a reply of a type that the command does not have makes the link odd (redis/link.h), and fails
 * with -EIO.
 */

#include "redis/call.h"

/* --- arguments: borrowed until the command is gathered -----------------------------------------
 */

struct redis_arg redis_value_name(const struct redis *r, struct key key);

/* The bounds of the range of a key's members. */
struct redis_arg redis_from(struct key key);
struct redis_arg redis_to(struct key key);

/* Gathers a command of these arguments. */
#define REDIS_COMMAND(call, ...) REDIS_LINK_COMMAND((call)->link, __VA_ARGS__)

/* --- replies ---------------------------------------------------------------------------------- */

/* Receives one reply, which the caller frees with freeReplyObject(). *reply is NULL unless 0 is
 * returned. */
int redis_reply(struct redis_call *call, redisReply **reply);
int redis_reply_skip(struct redis_call *call); /* receives a reply and frees it */

/* Receive a reply of this type; this status; or a number of things, from 0 to REDIS_COUNT_MAX. Any
 * other reply makes the link odd (-EIO). */
int redis_expect(struct redis_call *call, const char *command, int type, redisReply **reply);
int redis_expect_status(struct redis_call *call, const char *command, const char *status);
int redis_expect_number(struct redis_call *call, const char *command, int64_t *number);

/* Returns the -errno of an error reply, which is logged once; 0: the reply is no error. */
int redis_error(struct redis_call *call, const redisReply *reply);

/* Notes that no server gives such a reply to the command: the link is odd. Returns -EIO. */
int redis_odd(struct redis_call *call, const char *command);

bool redis_is_list(const redisReply *reply); /* an array of strings */

/* --- transactions ----------------------------------------------------------------------------- */

/*
 * Ends a transaction: MULTI and `queued` commands must be gathered, and no other reply outstanding.
 * Sends EXEC, and receives its array, which the caller frees. -EAGAIN: a watched key has changed.
 * The error of any command is that of the transaction, except WRONGTYPE, which stays in the array.
 */
int redis_exec(struct redis_call *call, size_t queued, redisReply **reply);
int redis_exec_skip(struct redis_call *call, size_t queued);

#endif
