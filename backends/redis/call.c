/*
 * Calls: which connection carries an operation, and what becomes of what the server says. See
 * redis/store.h.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "redis/store.h"
#include "base/waiting.h"

/* How long after the start a read waits for the first probe; a write waits as long as it takes. */
enum { FIRST_PROBE_MS = 500 };

/* --- arguments -------------------------------------------------------------------------------- */

struct redis_arg redis_word(const char *text)
{
	return (struct redis_arg){ { key_of(text) } };
}

struct redis_arg redis_bytes(struct key bytes)
{
	return (struct redis_arg){ { bytes } };
}

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

/* --- the pool --------------------------------------------------------------------------------- */

/* A place in the pool is free again. */
static void pool_leave(struct redis *r)
{
	lock_take(&r->pool);
	r->links--;
	pthread_cond_signal(&r->returned);
	lock_release(&r->pool);
}

void redis_pool_add(struct redis *r, struct redis_link *link)
{
	lock_take(&r->pool);
	link->next = r->idle;
	r->idle = link;
	pthread_cond_signal(&r->returned);
	lock_release(&r->pool);
}

static struct redis_link *pool_pop(struct redis *r)
{
	lock_take(&r->pool);
	struct redis_link *link = r->idle;
	if (link)
		r->idle = link->next;
	lock_release(&r->pool);
	return link;
}

void redis_pool_clear(struct redis *r)
{
	for (struct redis_link *link; (link = pool_pop(r));) {
		redis_link_free(link);
		pool_leave(r);
	}
}

/* 0 with an idle link, or with leave to make one (*link NULL); -EAGAIN: all are busy. */
static int pool_try_locked(struct redis *r, struct redis_link **link)
{
	*link = r->idle;
	if (*link)
		r->idle = (*link)->next;
	else if (r->links < r->conf->max_connections)
		r->links++;
	else
		return -EAGAIN;
	return 0;
}

/* Waits until half of the operation's time is over: the other half is for its commands. */
static int pool_take(struct redis *r, int64_t start_ms, struct redis_link **link)
{
	int64_t left_ms = start_ms + r->conf->socket_timeout_ms / 2 - time_mono_ms(&time_system);
	struct deadline deadline = deadline_in(&time_system, left_ms > 0 ? left_ms : 0);
	int rc;

	lock_take(&r->pool);
	while ((rc = pool_try_locked(r, link)) < 0 &&
	       breaker_is(&r->breaker) != BREAKER_DOWN)
		if (!condition_wait_until(&r->returned, &r->pool, &deadline))
			break;
	lock_release(&r->pool);
	return rc;
}

/* The server is away: nobody need wait for a connection to it. */
static void pool_give_up(struct redis *r)
{
	redis_pool_clear(r);
	lock_take(&r->pool);
	pthread_cond_broadcast(&r->returned);
	lock_release(&r->pool);
}

/* --- making connections ----------------------------------------------------------------------- */

static int greeting_failed(struct redis_link *link, const char *command)
{
	snprintf(link->trouble, sizeof(link->trouble), "%s: not what a Redis server answers",
		 command);
	link->broken = true;
	return -EHOSTDOWN;
}

/* One command of the greeting, answered by an error or not; needed says that it must not. */
static int greeting_reply(struct redis *r, struct redis_link *link, const char *command,
			  bool needed, long long *number)
{
	redisReply *reply;
	int rc = redis_link_reply(link, &reply);

	if (rc < 0)
		return rc;
	if (reply->type == REDIS_REPLY_ERROR && needed) {
		snprintf(link->trouble, sizeof(link->trouble), "%s: %s", command, reply->str);
		rc = -EHOSTDOWN;
	}
	if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOPERM", 6) == 0)
		redis_objection(r, reply->str);
	if (reply->type == REDIS_REPLY_INTEGER && number)
		*number = reply->integer;
	else if (reply->type != REDIS_REPLY_ERROR && (number || reply->type != REDIS_REPLY_STATUS))
		rc = greeting_failed(link, command);
	freeReplyObject(reply);
	return rc;
}

int redis_link_greet(struct redis *r, struct redis_link *link, char *run_id)
{
	char *secret = redis_secret_copy(r);
	char db[24];
	int rc = 0;

	if (secret) {
		redis_link_begin(link, r->conf->username ? 3 : 2);
		redis_link_add(link, redis_word("AUTH"));
		if (r->conf->username)
			redis_link_add(link, redis_word(r->conf->username));
		redis_link_add(link, redis_word(secret));
	}
	snprintf(db, sizeof(db), "%llu", (unsigned long long)r->conf->db);
	redis_link_begin(link, 2);
	redis_link_add(link, redis_word("SELECT"));
	redis_link_add(link, redis_word(db));
	redis_link_begin(link, 2);
	redis_link_add(link, redis_word("CLIENT"));
	redis_link_add(link, redis_word("ID"));
	/* A look is no use of a value; what is one says TOUCH. Servers before 7.2 don't know it. */
	redis_link_begin(link, 3);
	redis_link_add(link, redis_word("CLIENT"));
	redis_link_add(link, redis_word("NO-TOUCH"));
	redis_link_add(link, redis_word("ON"));
	redis_link_begin(link, 1);
	redis_link_add(link, redis_word("PING"));
	if (secret)
		rc = greeting_reply(r, link, "AUTH", true, NULL);
	if (secret)
		redis_link_wipe(link);
	redis_secret_free(secret);
	if (rc == 0)
		rc = greeting_reply(r, link, "SELECT", true, NULL);
	if (rc == 0)
		rc = greeting_reply(r, link, "CLIENT ID", false, &link->owner_id);
	if (rc == 0)
		rc = greeting_reply(r, link, "CLIENT NO-TOUCH", false, NULL);
	if (rc == 0)
		rc = greeting_reply(r, link, "PING", true, NULL);
	if (rc == 0)
		rc = redis_info_read(r, link, run_id);
	return rc == -EIO ? greeting_failed(link, "greeting") : rc;
}

static void fail(struct redis_call *call, const char *why)
{
	char reason[BREAKER_REASON];

	snprintf(reason, sizeof(reason), "%.*s: %.*s", 70, call->r->place, 80, why);
	if (breaker_fail(&call->r->breaker, call->round, reason))
		pool_give_up(call->r);
}

/* What an operation may take that has to connect. */
static int64_t longest_ms(const struct redis *r)
{
	return r->conf->connect_timeout_ms > r->conf->socket_timeout_ms
		       ? r->conf->connect_timeout_ms
		       : r->conf->socket_timeout_ms;
}

/* A new connection in the place that the pool reserved; its turn goes on to be the call's. */
static int link_make(struct redis_call *call)
{
	struct redis *r = call->r;
	struct redis_address address;
	char run_id[REDIS_RUN_ID];

	lock_take(&r->pool);
	address = r->address;
	lock_release(&r->pool);
	call->link = calloc(1, sizeof(*call->link));
	if (!call->link) {
		pool_leave(r);
		return -ENOMEM;
	}
	int64_t limit_ms = longest_ms(r), now_ms = time_mono_ms(&time_system);
	int64_t left_ms = call->start_ms + limit_ms - now_ms;
	if (r->conf->connect_timeout_ms < left_ms)
		left_ms = r->conf->connect_timeout_ms;
	int rc = redis_link_open(call->link, &address, &r->ending_ms, now_ms, left_ms);
	if (rc == 0) {
		now_ms = time_mono_ms(&time_system);
		if (now_ms + r->conf->socket_timeout_ms < call->start_ms + limit_ms)
			redis_link_turn(call->link, now_ms, r->conf->socket_timeout_ms);
		else
			redis_link_turn(call->link, call->start_ms, limit_ms);
		rc = redis_link_greet(r, call->link, run_id);
	}
	if (rc < 0) {
		if (rc == -EHOSTDOWN)
			fail(call, call->link->trouble);
		redis_link_free(call->link);
		call->link = NULL;
		pool_leave(r);
	}
	return rc;
}

/* --- calls ------------------------------------------------------------------------------------ */

/* Until when the first probe is waited for: how long it may take, unless the caller only reads. */
static int64_t patience_ms(const struct redis *r, enum redis_call_kind kind)
{
	return r->opened_ms + (kind == REDIS_READS
				       ? FIRST_PROBE_MS
				       : r->conf->connect_timeout_ms + r->conf->socket_timeout_ms);
}

int redis_call_again(struct redis_call *call, struct redis *r, enum redis_call_kind kind,
		     int64_t start_ms)
{
	enum breaker_state before = breaker_is(&r->breaker);

	*call = (struct redis_call){ .r = r, .kind = kind, .start_ms = start_ms };
	/* Away: refused at once, without a handover. */
	if (before == BREAKER_DOWN)
		return -EHOSTDOWN;
	waiting_begin();
	if (!breaker_enter(&r->breaker, patience_ms(r, kind), &call->round))
		return -EHOSTDOWN;
	if (before == BREAKER_UNKNOWN)
		call->start_ms = time_mono_ms(&time_system);
	int rc = pool_take(r, call->start_ms, &call->link);
	if (rc < 0)
		return -EHOSTDOWN; /* the server is there, but busy */
	if (call->link && redis_link_is_stale(call->link)) {
		redis_link_free(call->link);
		call->link = NULL;
	}
	if (!call->link)
		return link_make(call);
	redis_link_turn(call->link, call->start_ms, r->conf->socket_timeout_ms);
	return 0;
}

int redis_call_begin(struct redis_call *call, struct redis *r, enum redis_call_kind kind)
{
	return redis_call_again(call, r, kind, time_mono_ms(&time_system));
}

void redis_call_turn(struct redis_call *call)
{
	if (atomic_load(&call->r->ending_ms) == 0)
		redis_link_turn(call->link, time_mono_ms(&time_system), call->r->conf->socket_timeout_ms);
}

/* The server may carry out yet what this connection sent: see redis/upkeep.c. */
static void note_lost(struct redis *r, const struct redis_link *link)
{
	lock_take(&r->pool);
	if (link->owner_id > 0 && r->lost_count < r->lost_max)
		r->lost[r->lost_count++] = link->owner_id;
	lock_release(&r->pool);
}

int redis_call_end(struct redis_call *call, int rc)
{
	struct redis *r = call->r;
	struct redis_link *link = call->link;

	if (link->watching && redis_link_is_even(link)) {
		REDIS_COMMAND(call, redis_word("UNWATCH"));
		redis_reply_skip(call);
		link->watching = false;
	}
	if (link->broken) {
		if (call->kind == REDIS_WRITES) {
			note_lost(r, link);
			/* Whatever a probe has found meanwhile: nothing goes out before the fence.
			 */
			call->round = atomic_load(&r->breaker.round);
		}
		fail(call, link->trouble);
	}
	/* What one call leaves behind, gathered commands or replies, must not be the next one's. A
	 * server that says what was not asked for is there all the same. */
	if (redis_link_is_even(link)) {
		redis_pool_add(r, link);
	} else {
		redis_link_free(link);
		pool_leave(r);
	}
	if (call->away)
		fail(call, call->why);
	return rc;
}

void redis_command(struct redis_call *call, size_t count, const struct redis_arg *args)
{
	redis_link_begin(call->link, count);
	for (size_t i = 0; i < count; i++)
		redis_link_add(call->link, args[i]);
	if (key_equal(args[0].parts[0], key_of("WATCH")))
		call->link->watching = true;
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

/* Said once, until a write is taken again. */
static void note_refusal(struct redis *r, const char *text)
{
	if (!atomic_exchange(&r->refuses_writes, true))
		log_warning("redis: layer \"%s\" takes no sets (%s: %.100s)", r->env->layer_name,
			    r->place, text);
}

static void note_acceptance(struct redis *r)
{
	if (atomic_load(&r->refuses_writes) && atomic_exchange(&r->refuses_writes, false))
		log_info("redis: layer \"%s\" takes sets again", r->env->layer_name);
}

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
		note_refusal(call->r, reply->str);
	} else if (strncmp(reply->str, "ERR no such key", 15) != 0) {
		redis_objection(call->r, reply->str);
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

	if (reply)
		freeReplyObject(reply);
	return rc;
}

int redis_odd(struct redis_call *call, const char *command)
{
	char text[80];

	call->link->odd = true;
	snprintf(text, sizeof(text), "what no server says to %s", command);
	redis_objection(call->r, text);
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
	if (reply)
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
	if (reply)
		freeReplyObject(reply);
	return rc;
}

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
		note_acceptance(call->r);
	if (rc < 0 && *reply) {
		freeReplyObject(*reply);
		*reply = NULL;
	}
	return rc;
}

int redis_exec_skip(struct redis_call *call, size_t queued)
{
	redisReply *reply;
	int rc = redis_exec(call, queued, &reply);

	if (reply)
		freeReplyObject(reply);
	return rc;
}

/* A bit of a text's hash remembers it. */
void redis_objection(struct redis *r, const char *text)
{
	uint64_t bit = UINT64_C(1) << key_hash(key_of(text)) % 64;

	if (!(atomic_fetch_or(&r->objections, bit) & bit))
		log_error("redis: layer \"%s\": %s answers: %.200s", r->env->layer_name, r->place,
			  text);
}

bool redis_is_old(struct redis *r, struct key key, const struct meta *meta)
{
	if (!rollback_is_old(&r->rollback, key, meta))
		return false;
	unsigned life = atomic_load(&r->rollback.life);
	if (atomic_exchange(&r->told_life, life) != life)
		log_warning("redis: layer \"%s\": %s came back without changes that it had taken; "
			    "what it holds of before them is dropped (\"%.*s\" is the first)",
			    r->env->layer_name, r->place, (int)(key.size < 256 ? key.size : 256),
			    key.bytes);
	return true;
}

void redis_damaged(struct redis *r, struct key key, const char *what)
{
	uint64_t hash = key_hash(key);

	if (atomic_exchange(&r->damaged, hash) != hash)
		log_error("redis: layer \"%s\": %s of \"%.*s\"", r->env->layer_name, what,
			  (int)(key.size < 256 ? key.size : 256), key.bytes);
}
