/* Commands of a call, and the replies to them. See redis/command.h. */
#include "redis/command.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct redis_arg redis_value_name(const struct redis *r, struct key key)
{
	return (struct redis_arg){ { r->prefix, key } };
}

struct redis_arg redis_from(struct key key)
{
	return (struct redis_arg){ { key_of("["), key, key_make("\0\1", 2) } };
}

struct redis_arg redis_to(struct key key)
{
	return (struct redis_arg){ { key_of("("), key, key_make("\0\2", 2) } };
}

/* --- what the server says --------------------------------------------------------------------- */

static const struct {
	const char *prefix;
	int rc;
} server_errors[] = {
	{ "LOADING", -EHOSTDOWN },
	{ "MASTERDOWN", -EHOSTDOWN },
	{ "BUSY ", -EHOSTDOWN },
	{ "NOAUTH", -EHOSTDOWN },
	{ "WRONGPASS", -EHOSTDOWN },
	{ "CLUSTERDOWN", -EHOSTDOWN },
	{ "OOM", -ENOSPC },
	{ "READONLY", -EROFS },
	{ "MISCONF", -EIO },
	{ "NOREPLICAS", -EIO },
	{ "NOPERM", -EACCES },
	{ "WRONGTYPE", -ENOENT },
	{ "ERR no such key", -ENOENT },
};

int redis_error(struct redis_call *call, const redisReply *reply)
{
	int rc = -EIO;

	if (reply->type != REDIS_REPLY_ERROR)
		return 0;
	for (size_t i = 0; i < sizeof(server_errors) / sizeof(server_errors[0]); i++)
		if (strncmp(reply->str, server_errors[i].prefix, strlen(server_errors[i].prefix)) ==
		    0)
			rc = server_errors[i].rc;
	if (rc == -EHOSTDOWN) {
		call->away = true;
		snprintf(call->why, sizeof(call->why), "%s", reply->str);
	} else if (rc == -ENOSPC || rc == -EROFS ||
		   (call->kind == REDIS_WRITES && (rc == -EIO || rc == -EACCES))) {
		redis_refusal(&call->r->said, reply->str);
	} else if (strncmp(reply->str, "ERR no such key", 15) != 0) {
		redis_objection(&call->r->said, reply->str);
	}
	return rc;
}

int redis_reply(struct redis_call *call, redisReply **reply)
{
	int rc = redis_link_reply(call->link, reply);

	if (rc == 0)
		rc = redis_error(call, *reply);
	if (rc < 0 && *reply) {
		freeReplyObject(*reply);
		*reply = NULL;
	}
	return rc;
}

int redis_reply_skip(struct redis_call *call)
{
	redisReply *reply;
	int rc = redis_reply(call, &reply);

	freeReplyObject(reply);
	return rc;
}

int redis_odd(struct redis_call *call, const char *command)
{
	char text[80];

	call->link->odd = true;
	snprintf(text, sizeof(text), "what no server says to %s", command);
	redis_objection(&call->r->said, text);
	return -EIO;
}

int redis_expect(struct redis_call *call, const char *command, int type, redisReply **reply)
{
	int rc = redis_reply(call, reply);

	if (rc < 0 || (*reply)->type == type)
		return rc;
	freeReplyObject(*reply);
	*reply = NULL;
	return redis_odd(call, command);
}

bool redis_is_list(const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY)
		return false;
	for (size_t i = 0; i < reply->elements; i++)
		if (reply->element[i]->type != REDIS_REPLY_STRING)
			return false;
	return true;
}

int redis_expect_status(struct redis_call *call, const char *command, const char *status)
{
	redisReply *reply;
	int rc = redis_expect(call, command, REDIS_REPLY_STATUS, &reply);

	if (rc == 0 && strcmp(reply->str, status) != 0)
		rc = redis_odd(call, command);
	freeReplyObject(reply);
	return rc;
}

int redis_expect_number(struct redis_call *call, const char *command, int64_t *number)
{
	redisReply *reply;
	int rc = redis_expect(call, command, REDIS_REPLY_INTEGER, &reply);

	if (rc == 0 && (reply->integer < 0 || reply->integer > REDIS_COUNT_MAX))
		rc = redis_odd(call, command);
	if (rc == 0)
		*number = reply->integer;
	freeReplyObject(reply);
	return rc;
}

/* --- transactions ----------------------------------------------------------------------------- */

/* The first error of the commands in a transaction. */
static int array_error(struct redis_call *call, const redisReply *reply)
{
	for (size_t i = 0; i < reply->elements; i++) {
		const redisReply *one = reply->element[i];
		if (one->type != REDIS_REPLY_ERROR || strncmp(one->str, "WRONGTYPE", 9) == 0)
			continue;
		return redis_error(call, one);
	}
	return 0;
}

int redis_exec(struct redis_call *call, size_t queued, redisReply **reply)
{
	int first = 0;

	*reply = NULL;
	REDIS_COMMAND(call, redis_word("EXEC"));
	assert(call->link->owed == queued + 2 || call->link->broken);
	for (size_t i = 0; i < 1 + queued && !call->link->broken; i++) {
		int rc = redis_expect_status(call, "MULTI", i == 0 ? "OK" : "QUEUED");
		if (first == 0)
			first = rc;
	}
	if (call->link->broken)
		return -EHOSTDOWN;
	/* After an error EXEC only says that it was aborted. */
	int rc = first < 0 ? redis_link_reply(call->link, reply) : redis_reply(call, reply);
	bool watched = call->link->watching;
	call->link->watching = false;
	if (rc == 0)
		rc = first;
	if (rc == 0 && (*reply)->type == REDIS_REPLY_NIL && watched)
		rc = -EAGAIN;
	else if (rc == 0 && ((*reply)->type != REDIS_REPLY_ARRAY || (*reply)->elements != queued))
		rc = redis_odd(call, "EXEC");
	if (rc == 0)
		rc = array_error(call, *reply);
	if (rc == 0 && call->kind == REDIS_WRITES)
		redis_acceptance(&call->r->said);
	if (rc < 0 && *reply) {
		freeReplyObject(*reply);
		*reply = NULL;
	}
	assert((rc == 0) == (*reply != NULL));
	return rc;
}

int redis_exec_skip(struct redis_call *call, size_t queued)
{
	redisReply *reply;
	int rc = redis_exec(call, queued, &reply);

	freeReplyObject(reply);
	return rc;
}
