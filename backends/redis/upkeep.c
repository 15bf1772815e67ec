/*
 * What is nobody's call: probing a server that was away, and slowly bringing the index in line with
 * what other programs did: values without a member get one, members without a value go. See
 * redis/store.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/store.h"

/*
 * Walks are paced by what their steps cost the server and the way to it: of all time a walk takes
 * one part in SHARE, and if it is waited for, one in two, and then rests for as long as it took. So
 * a small store is walked through each second, and a large one is not kept busy.
 */
enum {
	SHARE = 50,
	SHARE_HURRIED = 2,
	REST_HURRIED = 2,
	PAUSE_MAX_MS = 200, /* between steps */
	REST_MIN_MS = 1000, /* between two times through */
	REST_MAX_MS = 20000,
	MEASURE_MS = 1000,
	SCAN_COUNT = 500,
};

/* --- probing ---------------------------------------------------------------------------------- */

/* The oldest connection whose last answer never came; 0: none. Those to another server (it was
 * restarted) are over. */
static long long first_lost(struct redis *r, const char *run_id)
{
	lock_take(&r->pool);
	if (strcmp(run_id, r->run_id) != 0)
		r->lost_count = 0;
	memcpy(r->run_id, run_id, sizeof(r->run_id));
	long long id = r->lost_count > 0 ? r->lost[0] : 0;
	lock_release(&r->pool);
	return id;
}

static void forget_lost(struct redis *r)
{
	lock_take(&r->pool);
	if (r->lost_count > 0)
		memmove(r->lost, r->lost + 1, --r->lost_count * sizeof(r->lost[0]));
	lock_release(&r->pool);
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

	while (rc == 0 && (lost = first_lost(r, run_id)) != 0) {
		char id[24];
		redisReply *reply;
		snprintf(id, sizeof(id), "%lld", lost);
		redis_link_begin(link, 4);
		redis_link_add(link, redis_word("CLIENT"));
		redis_link_add(link, redis_word("KILL"));
		redis_link_add(link, redis_word("ID"));
		redis_link_add(link, redis_word(id));
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
				redis_objection(r, reply->str);
			freeReplyObject(reply);
			forget_lost(r);
		}
	}
	return rc;
}

static int meet(struct redis *r, struct redis_link *link)
{
	char run_id[REDIS_RUN_ID];

	redis_link_turn(link, time_mono_ms(&time_system), r->conf->socket_timeout_ms);
	int rc = redis_link_greet(r, link, run_id);
	return rc < 0 ? rc : fence(r, link, run_id);
}

/* redis_upkeep_stop() cuts it off. */
static void note_probe(struct redis *r, int fd)
{
	lock_take(&r->upkeep);
	r->probe_fd = fd;
	if (r->stop && fd >= 0)
		shutdown(fd, SHUT_RDWR);
	lock_release(&r->upkeep);
}

static int probe_address(struct redis *r, const struct redis_address *address, char *why)
{
	struct redis_link *link = calloc(1, sizeof(*link));

	if (!link)
		return -ENOMEM;
	int rc = redis_link_open(link, address, &r->ending_ms, time_mono_ms(&time_system),
				 r->conf->connect_timeout_ms);
	if (rc == 0) {
		note_probe(r, link->fd);
		rc = meet(r, link);
		note_probe(r, -1);
	}
	if (rc < 0) {
		snprintf(why, BREAKER_REASON, "%.70s: %.80s", r->place, link->trouble);
		redis_link_free(link);
		return rc;
	}
	lock_take(&r->pool);
	r->address = *address;
	bool room = r->links < r->conf->max_connections;
	r->links += room;
	lock_release(&r->pool);
	if (room)
		redis_pool_add(r, link);
	else
		redis_link_free(link);
	return 0;
}

/* What is being asked for, from an earlier probe if that has not been answered yet. */
static struct resolve *resolve_of(struct redis *r)
{
	lock_take(&r->upkeep);
	if (!r->resolve && !r->stop)
		r->resolve = resolve_new(r->conf->host, r->conf->port);
	struct resolve *resolve = r->resolve;
	lock_release(&r->upkeep);
	return resolve;
}

static int find_addresses(struct redis *r, struct addrinfo **found, char *why)
{
	struct resolve *resolve = resolve_of(r);
	const char *text = "the name server does not answer";

	*found = NULL;
	if (!resolve)
		return -ENOMEM;
	int rc = resolve_wait(resolve, r->conf->connect_timeout_ms, found, &text);
	if (rc < 0)
		snprintf(why, BREAKER_REASON, "%.70s: %.80s", r->place, text);
	if (rc == -ETIMEDOUT || rc == -ECANCELED)
		return rc;
	lock_take(&r->upkeep);
	r->resolve = NULL;
	lock_release(&r->upkeep);
	resolve_free(resolve);
	return rc;
}

static int probe_host(struct redis *r, char *why)
{
	struct addrinfo *found;
	int rc = find_addresses(r, &found, why);

	/* Where it was before, if nobody knows where it is now. */
	if (rc < 0 && rc != -ECANCELED && r->address.size > 0) {
		struct redis_address address = r->address;
		return probe_address(r, &address, why);
	}
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

static void probe(struct redis *r)
{
	char why[BREAKER_REASON] = "out of memory";
	int rc;

	breaker_probe_begin(&r->breaker);
	if (r->conf->password_file)
		redis_secret_read(r); /* it may have been changed */
	if (r->conf->unix_socket_path) {
		struct redis_address address = r->address;
		rc = probe_address(r, &address, why);
	} else {
		rc = probe_host(r, why);
	}
	if (rc < 0)
		breaker_probe_failed(&r->breaker, why);
	else if (!breaker_probe_succeeded(&r->breaker))
		redis_pool_clear(
			r); /* a write was given up meanwhile: the fence is to be built anew */
}

/* --- reconciling ------------------------------------------------------------------------------ */

/* How a walk gets on. */
struct pace {
	bool walking;
	int64_t busy_ns; /* what this one has cost so far */
	int64_t next_ms; /* when the next one begins */
};

/* Where the walks through the server's keys and through the index are. */
struct walk {
	struct pace scan;
	char cursor[24]; /* of SCAN */
	char *pattern;
	bool hurried;
	bool asked;       /* since this one began there are new keys of other programs */
	int64_t hurry_ms; /* when the next one may begin if it is asked for */
	struct pace sweep;
	struct key_buffer at; /* in the index */
	int64_t surplus; /* keys of the server less members of the index, when they were counted */
	int64_t adopted; /* keys that we gave a member since then */
	bool surplus_known;
	unsigned life; /* see rollback.h */
	int64_t measure_ms;
};

/* A pattern that matches exactly what begins with the prefix. */
static char *pattern_of(struct key prefix)
{
	char *pattern = malloc(prefix.size * 2 + 2), *to = pattern;

	if (!pattern)
		return NULL;
	for (size_t i = 0; i < prefix.size; i++) {
		if (strchr("*?[]\\^-", prefix.bytes[i]))
			*to++ = '\\';
		*to++ = prefix.bytes[i];
	}
	strcpy(to, "*");
	return pattern;
}

/* The names of a step, without the prefix. */
struct names {
	redisReply *reply; /* of SCAN */
	struct key keys[2 * SCAN_COUNT];
	bool absent[2 * SCAN_COUNT]; /* from the index */
	size_t count;
};

static void names_take(const struct redis *r, struct names *names)
{
	const redisReply *list = names->reply->element[1];

	names->count = 0;
	for (size_t i = 0; i < list->elements && names->count < 2 * SCAN_COUNT; i++) {
		struct key name = key_make(list->element[i]->str, list->element[i]->len);
		if (name.size <= r->prefix.size || key_equal(name, r->index) ||
		    key_equal(name, r->dirs))
			continue;
		struct key key = key_make(name.bytes + r->prefix.size, name.size - r->prefix.size);
		if (!key_is_valid(key))
			continue;
		names->keys[names->count++] = key;
	}
}

static int names_compare(struct redis_call *call, struct names *names)
{
	struct redis *r = call->r;
	int rc = 0;

	for (size_t i = 0; i < names->count; i++)
		REDIS_COMMAND(call, redis_word("ZLEXCOUNT"), redis_bytes(r->index),
			      redis_from(names->keys[i]), redis_to(names->keys[i]));
	for (size_t i = 0; i < names->count && !call->link->broken; i++) {
		int64_t members = 0;
		int one = redis_expect_number(call, "ZLEXCOUNT", &members);
		names->absent[i] = one == 0 && members == 0;
		if (rc == 0)
			rc = one;
	}
	return rc;
}

/* A step of SCAN: *reply, also if it fails, is the caller's. */
static int scan_names(struct redis_call *call, struct walk *w, redisReply **reply)
{
	char count[16];

	snprintf(count, sizeof(count), "%d", SCAN_COUNT);
	REDIS_COMMAND(call, redis_word("SCAN"), redis_word(w->cursor), redis_word("MATCH"),
		      redis_word(w->pattern), redis_word("COUNT"), redis_word(count));
	int rc = redis_reply(call, reply);
	if (rc < 0)
		return rc;
	if ((*reply)->type != REDIS_REPLY_ARRAY || (*reply)->elements != 2 ||
	    (*reply)->element[0]->type != REDIS_REPLY_STRING ||
	    !redis_is_list((*reply)->element[1]))
		return redis_odd(call, "SCAN");
	snprintf(w->cursor, sizeof(w->cursor), "%s", (*reply)->element[0]->str);
	return 0;
}

static int scan(struct redis_call *call, struct walk *w, struct names *names)
{
	int rc = scan_names(call, w, &names->reply);

	if (rc < 0)
		return rc;
	names_take(call->r, names);
	return names_compare(call, names);
}

/* One step through the server's keys. */
static void scan_step(struct redis *r, struct walk *w)
{
	struct names *names = calloc(1, sizeof(*names));
	struct redis_call call;

	if (!names || redis_call_begin(&call, r, REDIS_READS) < 0) {
		free(names);
		w->scan.walking = false;
		w->asked = true;
		return;
	}
	int rc = redis_call_end(&call, scan(&call, w, names));
	for (size_t i = 0; rc == 0 && i < names->count && r->conf->foreign_writers; i++)
		if (names->absent[i])
			redis_adopt(r, names->keys[i]);
	if (rc < 0 || strcmp(w->cursor, "0") == 0)
		w->scan.walking = false;
	w->asked |= rc < 0;
	if (names->reply)
		freeReplyObject(names->reply);
	free(names);
}

/* Of what a step of SCAN found. */
static int unlink_unreachable(struct redis_call *call, const redisReply *reply, bool *any)
{
	const struct redis *r = call->r;
	const redisReply *list = reply->element[1];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < list->elements; i++) {
		struct key name = key_make(list->element[i]->str, list->element[i]->len);
		if (name.size < r->prefix.size || key_equal(name, r->index) ||
		    key_equal(name, r->dirs) ||
		    key_is_valid(key_make(name.bytes + r->prefix.size, name.size - r->prefix.size)))
			continue;
		REDIS_COMMAND(call, redis_word("UNLINK"), redis_bytes(name));
		rc = redis_reply_skip(call);
		*any = true;
	}
	return rc;
}

int redis_remove_unreachable(void *state)
{
	struct redis *r = state;
	struct walk w = { .cursor = "0", .pattern = pattern_of(r->prefix) };
	int rc = w.pattern ? 0 : -ENOMEM;
	bool any = false;

	if (rc < 0)
		return rc;
	do {
		redisReply *reply = NULL;
		struct redis_call call;
		rc = redis_call_begin(&call, r, REDIS_WRITES);
		if (rc < 0)
			break;
		rc = scan_names(&call, &w, &reply);
		if (rc == 0)
			rc = unlink_unreachable(&call, reply, &any);
		rc = redis_call_end(&call, rc);
		if (reply)
			freeReplyObject(reply);
	} while (rc == 0 && strcmp(w.cursor, "0") != 0);
	free(w.pattern);
	return rc == 0 && !any ? -ENOENT : rc;
}

/* One step through the index: what has no value goes. */
static void sweep_step(struct redis *r, struct walk *w)
{
	struct redis_range range = { .first = key_make(w->at.bytes, w->at.size),
				     .unbounded = true };
	struct redis_page page = { 0 };
	struct redis_call call;

	w->sweep.walking = false;
	if (redis_call_begin(&call, r, REDIS_READS) < 0)
		return;
	int rc = redis_page_read(&call, r->index, &range, REDIS_PAGE, &page);
	if (rc == 0 && page.count > 0)
		rc = redis_page_check(&call, &page);
	redis_call_end(&call, rc);
	for (size_t i = 0; i < page.count; i++)
		if (page.items[i].old || page.items[i].strange)
			redis_adopt(r, page.items[i].key); /* which drops it, or mends the member */
	w->sweep.walking = rc == 0 && !page.end && page.count > 0;
	if (w->sweep.walking) {
		struct key last = page.items[page.count - 1].key;
		memcpy(w->at.bytes, last.bytes, last.size);
		w->at.bytes[last.size] = '\1'; /* past its members */
		w->at.size = last.size + 1;
	}
	redis_page_fini(&page);
}

/*
 * Looks how full the server is. Other programs' new keys show in its number of keys. A key that we
 * gave a member makes up for a new one that came in the same time: such keys are counted, before
 * the members are, for one too many costs a walk, and one too few hides a key.
 */
static void measure(struct redis *r, struct walk *w)
{
	int64_t keys = 0, members = 0;
	struct redis_call call;
	char run_id[REDIS_RUN_ID];

	if (redis_call_begin(&call, r, REDIS_READS) < 0)
		return;
	w->adopted += (int64_t)atomic_exchange(&r->adopted, 0);
	REDIS_COMMAND(&call, redis_word("DBSIZE"));
	REDIS_COMMAND(&call, redis_word("ZCARD"), redis_bytes(r->index));
	int rc = redis_expect_number(&call, "DBSIZE", &keys);
	int rest = redis_expect_number(&call, "ZCARD", &members);
	if (rc == 0)
		rc = rest;
	if (rc == 0)
		rc = redis_info_read(r, call.link, run_id);
	if (redis_call_end(&call, rc) < 0)
		return;
	/* Members that we dropped are no new keys, and keys that another daemon gave a member are
	 * no news. */
	int64_t dropped = (int64_t)atomic_exchange(&r->dropped, 0);
	if (w->surplus_known && keys - members + w->adopted > w->surplus + dropped)
		w->asked = true;
	w->adopted = 0;
	if (w->life != atomic_load(&r->rollback.life))
		w->asked = true;
	w->life = atomic_load(&r->rollback.life);
	w->surplus = keys - members;
	w->surplus_known = true;
}

static int64_t at_most(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* One step of a walk. Returns how long to pause after it. */
static int64_t step(struct redis *r, struct walk *w, struct pace *pace,
		    void (*run)(struct redis *r, struct walk *w), int share)
{
	int64_t begun_ns = time_mono_ns();

	run(r, w);
	int64_t took_ns = time_mono_ns() - begun_ns;
	pace->busy_ns += took_ns;
	if (pace->walking)
		return at_most(took_ns * (share - 1) / 1000000 + 1, PAUSE_MAX_MS);
	int64_t rest_ms = at_most(pace->busy_ns * SHARE / 1000000, REST_MAX_MS);
	pace->next_ms = time_mono_ms(&time_system) +
			(rest_ms < REST_MIN_MS ? REST_MIN_MS : rest_ms);
	return 0;
}

static void scan_begin(struct walk *w, bool hurried)
{
	strcpy(w->cursor, "0");
	w->scan.walking = true;
	w->scan.busy_ns = 0;
	w->hurried = hurried;
	w->asked = false;
}

/* A request to walk again is kept until a walk begins; one at leisure begins anew at once. */
static void scan_choose(struct walk *w, int64_t now_ms)
{
	bool may_hurry = w->scan.walking ? !w->hurried : now_ms >= w->hurry_ms;

	if (w->asked && may_hurry)
		scan_begin(w, true);
	else if (!w->scan.walking && now_ms >= w->scan.next_ms)
		scan_begin(w, false);
}

/* How long until something is due. */
static int64_t walk_idle_ms(const struct walk *w, int64_t now_ms)
{
	int64_t due_ms = at_most(w->measure_ms, w->sweep.next_ms);

	due_ms = at_most(due_ms, w->asked ? w->hurry_ms : w->scan.next_ms);
	return due_ms > now_ms ? due_ms - now_ms : 0;
}

/* What is due now. Returns how long nothing will be. */
static int64_t walk_step(struct redis *r, struct walk *w)
{
	int64_t now_ms = time_mono_ms(&time_system);

	if (now_ms >= w->measure_ms) {
		measure(r, w);
		w->measure_ms = now_ms + MEASURE_MS;
	}
	if (!w->pattern)
		return MEASURE_MS;
	scan_choose(w, now_ms);
	if (w->scan.walking) {
		int64_t pause_ms = step(r, w, &w->scan, scan_step,
					w->hurried ? SHARE_HURRIED : SHARE);
		if (!w->scan.walking)
			w->hurry_ms = time_mono_ms(&time_system) +
				      at_most(w->scan.busy_ns * REST_HURRIED / 1000000 + 1,
					      REST_MAX_MS);
		return pause_ms;
	}
	if (!w->sweep.walking && now_ms >= w->sweep.next_ms) {
		w->sweep = (struct pace){ .walking = true };
		w->at.size = 0;
	}
	return w->sweep.walking ? step(r, w, &w->sweep, sweep_step, SHARE)
				: walk_idle_ms(w, now_ms);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void *upkeep_run(void *argument)
{
	struct redis *r = argument;
	struct walk walk = { .pattern = pattern_of(r->prefix), .asked = true };
	int64_t pause_ms = 0;

	while (breaker_pause(&r->breaker, pause_ms)) {
		int64_t due_ms = breaker_probe_due(&r->breaker);
		if (due_ms == 0)
			probe(r);
		if (due_ms > 0)
			pause_ms = due_ms;
		else
			pause_ms = due_ms == 0 ? 0 : walk_step(r, &walk);
	}
	free(walk.pattern);
	return NULL;
}

int redis_upkeep_start(struct redis *r)
{
	r->probe_fd = -1;
	return -pthread_create(&r->thread, NULL, upkeep_run, r);
}

void redis_upkeep_stop(struct redis *r)
{
	lock_take(&r->upkeep);
	r->stop = true;
	if (r->probe_fd >= 0)
		shutdown(r->probe_fd, SHUT_RDWR);
	if (r->resolve)
		resolve_cancel(r->resolve);
	lock_release(&r->upkeep);
	breaker_stop(&r->breaker);
	pthread_join(r->thread, NULL);
	resolve_free(r->resolve);
}
