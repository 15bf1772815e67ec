/* Probing the server. See redis/probe.h. */
#include "redis/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/greeting.h"
#include "redis/store.h"

void redis_prober_init(struct redis_prober *p)
{
	*p = (struct redis_prober){ .fd = -1 };
	lock_init(&p->lock, RANK_LAYER);
}

void redis_prober_fini(struct redis_prober *p)
{
	resolve_free(p->resolve);
	lock_fini(&p->lock);
}

/*
 * A server that hung has what was sent to it meanwhile still before it. It must not carry out an
 * old set after a new one, so the connections that were given up are ended first. One is forgotten
 * once the server has said that it is gone: the next probe goes on where this one ended.
 */
static int fence(struct redis *r, struct redis_link *link, const char *run_id)
{
	long long lost;
	int rc = 0;

	while (rc == 0 && (lost = redis_pool_first_lost(&r->pool, run_id)) != 0) {
		char id[24];
		redisReply *reply;
		snprintf(id, sizeof(id), "%lld", lost);
		REDIS_LINK_COMMAND(link, redis_word("CLIENT"), redis_word("KILL"), redis_word("ID"),
				   redis_word(id));
		rc = redis_link_reply(link, &reply);
		if (rc == -EIO) { /* odd: the next probe asks again */
			snprintf(link->trouble, sizeof(link->trouble),
				 "CLIENT KILL: more than one answer");
			rc = -EHOSTDOWN;
		}
		if (rc == 0) {
			/* That it is gone already is as good. */
			if (reply->type == REDIS_REPLY_ERROR &&
			    strncmp(reply->str, "ERR No such client", 18) != 0)
				redis_objection(&r->said, reply->str);
			freeReplyObject(reply);
			redis_pool_forget_lost(&r->pool);
		}
	}
	return rc;
}

static int meet(struct redis *r, struct redis_link *link)
{
	char run_id[REDIS_RUN_ID];

	redis_link_turn(link, time_mono_ms(r->env->time), r->conf->socket_timeout_ms);
	int rc = redis_greet(r, link, run_id);
	return rc < 0 ? rc : fence(r, link, run_id);
}

/* redis_probe_cancel() cuts it off. */
static void note_probe(struct redis *r, int fd)
{
	lock_take(&r->prober.lock);
	r->prober.fd = fd;
	if (r->prober.cancelled && fd >= 0)
		shutdown(fd, SHUT_RDWR);
	lock_release(&r->prober.lock);
}

static int probe_address(struct redis *r, const struct redis_address *address, char *why)
{
	struct redis_link *link = calloc(1, sizeof(*link));

	if (!link)
		return -ENOMEM;
	int rc = redis_link_open(link, address, r->env->time, &r->ending_ms,
				 time_mono_ms(r->env->time), r->conf->connect_timeout_ms);
	if (rc == 0) {
		note_probe(r, link->fd);
		rc = meet(r, link);
		note_probe(r, -1);
	}
	if (rc < 0) {
		snprintf(why, BREAKER_REASON, "%.70s: %.80s", r->said.place, link->trouble);
		redis_link_free(link);
		return rc;
	}
	redis_pool_set_address(&r->pool, address);
	redis_pool_offer(&r->pool, link);
	return 0;
}

/* What is being asked for, from an earlier probe if that has not been answered yet. */
static struct resolve *resolve_of(struct redis *r)
{
	lock_take(&r->prober.lock);
	if (!r->prober.resolve && !r->prober.cancelled)
		r->prober.resolve = resolve_new(r->conf->host, r->conf->port);
	struct resolve *resolve = r->prober.resolve;
	lock_release(&r->prober.lock);
	return resolve;
}

static int find_addresses(struct redis *r, struct addrinfo **found, char *why)
{
	struct resolve *resolve = resolve_of(r);
	const char *text = "the name server does not answer";

	*found = NULL;
	if (!resolve)
		return -ENOMEM;
	struct deadline deadline = deadline_in(r->env->time, r->conf->connect_timeout_ms);
	int rc = resolve_wait(resolve, &deadline, found, &text);
	if (rc < 0)
		snprintf(why, BREAKER_REASON, "%.70s: %.80s", r->said.place, text);
	if (rc == -ETIMEDOUT || rc == -ECANCELED)
		return rc;
	lock_take(&r->prober.lock);
	r->prober.resolve = NULL;
	lock_release(&r->prober.lock);
	resolve_free(resolve);
	return rc;
}

static int probe_host(struct redis *r, char *why)
{
	struct redis_address before = redis_pool_address(&r->pool);
	struct addrinfo *found;
	int rc = find_addresses(r, &found, why);

	/* Where it was before, if nobody knows where it is now. */
	if (rc < 0 && rc != -ECANCELED && before.size > 0)
		return probe_address(r, &before, why);
	if (rc == 0)
		rc = -EHOSTDOWN;
	for (const struct addrinfo *a = found; a && rc < 0; a = a->ai_next) {
		struct redis_address address = { .size = a->ai_addrlen };
		memcpy(&address.bytes, a->ai_addr, a->ai_addrlen);
		rc = probe_address(r, &address, why);
	}
	if (found)
		freeaddrinfo(found);
	return rc;
}

void redis_probe(struct redis *r)
{
	char why[BREAKER_REASON] = "out of memory";
	int rc;

	breaker_probe_begin(&r->breaker);
	if (r->conf->password_file)
		redis_secret_read(&r->secret); /* it may have been changed */
	if (r->conf->unix_socket_path) {
		struct redis_address address = redis_pool_address(&r->pool);
		rc = probe_address(r, &address, why);
	} else {
		rc = probe_host(r, why);
	}
	if (rc < 0)
		breaker_probe_failed(&r->breaker, why);
	else if (!breaker_probe_succeeded(&r->breaker))
		/* A write was given up meanwhile: the fence is to be built anew. */
		redis_pool_clear(&r->pool);
}

void redis_probe_cancel(struct redis *r)
{
	struct redis_prober *p = &r->prober;

	lock_take(&p->lock);
	p->cancelled = true;
	if (p->fd >= 0)
		shutdown(p->fd, SHUT_RDWR);
	if (p->resolve)
		resolve_cancel(p->resolve);
	lock_release(&p->lock);
}
