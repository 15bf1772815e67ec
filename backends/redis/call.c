/* The connection of an operation, and its deadline. See redis/call.h. */
#include "redis/call.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/waiting.h"
#include "redis/command.h"
#include "redis/greeting.h"

/* How long after the start a read waits for the first probe; a write waits as long as it takes. */
enum { FIRST_PROBE_MS = 500 };

static void fail(struct redis_call *call, const char *why)
{
	char reason[BREAKER_REASON];

	snprintf(reason, sizeof(reason), "%.*s: %.*s", 70, call->r->said.place, 80, why);
	if (breaker_fail(&call->r->breaker, call->round, reason))
		redis_pool_give_up(&call->r->pool);
}

/* What an operation may take that has to connect. */
static int64_t longest_ms(const struct redis *r)
{
	return r->conf->connect_timeout_ms > r->conf->socket_timeout_ms
		       ? r->conf->connect_timeout_ms
		       : r->conf->socket_timeout_ms;
}

/* A new connection in the place that the pool gave; its turn goes on to be the call's. */
static int link_make(struct redis_call *call)
{
	struct redis *r = call->r;
	struct redis_address address = redis_pool_address(&r->pool);
	struct redis_link *link = calloc(1, sizeof(*link));

	if (!link) {
		redis_pool_leave(&r->pool, NULL);
		return -ENOMEM;
	}
	int64_t limit_ms = longest_ms(r), now_ms = time_mono_ms(r->env->time);
	int64_t left_ms = call->start_ms + limit_ms - now_ms;
	if (r->conf->connect_timeout_ms < left_ms)
		left_ms = r->conf->connect_timeout_ms;
	int rc = redis_link_open(link, &address, r->env->time, &r->ending_ms, now_ms, left_ms);
	if (rc == 0) {
		now_ms = time_mono_ms(r->env->time);
		if (now_ms + r->conf->socket_timeout_ms < call->start_ms + limit_ms)
			redis_link_turn(link, now_ms, r->conf->socket_timeout_ms);
		else
			redis_link_turn(link, call->start_ms, limit_ms);
		rc = redis_greet(r, link, NULL);
	}
	if (rc == 0) {
		call->link = link;
		return 0;
	}
	if (rc == -EHOSTDOWN)
		fail(call, link->trouble);
	redis_pool_leave(&r->pool, link);
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
	assert(lock_none_held());
	waiting_begin();
	if (!breaker_enter(&r->breaker, patience_ms(r, kind), &call->round))
		return -EHOSTDOWN;
	if (before == BREAKER_UNKNOWN)
		call->start_ms = time_mono_ms(r->env->time);
	/* Half of the operation's time at most: the other half is for its commands. */
	struct deadline deadline = { r->env->time,
				     call->start_ms + r->conf->socket_timeout_ms / 2 };
	if (redis_pool_take(&r->pool, &deadline, &call->link) < 0)
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
	return redis_call_again(call, r, kind, time_mono_ms(r->env->time));
}

void redis_call_turn(struct redis_call *call)
{
	const struct redis *r = call->r;

	if (atomic_load(&r->ending_ms) == 0)
		redis_link_turn(call->link, time_mono_ms(r->env->time), r->conf->socket_timeout_ms);
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
	assert(link->missing == 0);
	assert(!link->broken || link->trouble[0] != '\0');
	if (link->broken) {
		if (call->kind == REDIS_WRITES) {
			/* What this connection sent may be carried out yet: redis/probe.h. */
			redis_pool_note_lost(&r->pool, link->owner_id);
			/* Whatever a probe has found meanwhile: nothing goes out before the fence.
			 */
			call->round = atomic_load(&r->breaker.round);
		}
		fail(call, link->trouble);
	}
	/* What one call leaves behind, gathered commands or replies, must not be the next one's. A
	 * server that says what was not asked for is there all the same. */
	if (redis_link_is_even(link))
		redis_pool_add(&r->pool, link);
	else
		redis_pool_leave(&r->pool, link);
	if (call->away)
		fail(call, call->why);
	return rc;
}
