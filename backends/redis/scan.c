/* A walk through all names in the server. See redis/scan.h. */
#include "redis/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/command.h"
#include "redis/look.h"

enum { SCAN_COUNT = 500 };

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

int redis_scan_init(struct redis_scan *s, struct key prefix)
{
	*s = (struct redis_scan){ .cursor = "0", .pattern = pattern_of(prefix) };
	return s->pattern ? 0 : -ENOMEM;
}

void redis_scan_fini(struct redis_scan *s)
{
	free(s->pattern);
}

void redis_scan_restart(struct redis_scan *s)
{
	strcpy(s->cursor, "0");
}

bool redis_scan_is_over(const struct redis_scan *s)
{
	return strcmp(s->cursor, "0") == 0;
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
static int scan_names(struct redis_call *call, struct redis_scan *s, redisReply **reply)
{
	char count[16];

	snprintf(count, sizeof(count), "%d", SCAN_COUNT);
	REDIS_COMMAND(call, redis_word("SCAN"), redis_word(s->cursor), redis_word("MATCH"),
		      redis_word(s->pattern), redis_word("COUNT"), redis_word(count));
	int rc = redis_reply(call, reply);
	if (rc < 0)
		return rc;
	if ((*reply)->type != REDIS_REPLY_ARRAY || (*reply)->elements != 2 ||
	    (*reply)->element[0]->type != REDIS_REPLY_STRING ||
	    !redis_is_list((*reply)->element[1]))
		return redis_odd(call, "SCAN");
	snprintf(s->cursor, sizeof(s->cursor), "%s", (*reply)->element[0]->str);
	return 0;
}

static int scan(struct redis_call *call, struct redis_scan *s, struct names *names)
{
	int rc = scan_names(call, s, &names->reply);

	if (rc < 0)
		return rc;
	names_take(call->r, names);
	return names_compare(call, names);
}

int redis_scan_step(struct redis *r, struct redis_scan *s)
{
	struct names *names = calloc(1, sizeof(*names));
	struct redis_call call;
	int rc = names ? redis_call_begin(&call, r, REDIS_READS) : -ENOMEM;

	if (rc == 0)
		rc = redis_call_end(&call, scan(&call, s, names));
	for (size_t i = 0; rc == 0 && i < names->count && r->conf->foreign_writers; i++)
		if (names->absent[i])
			redis_adopt(r, names->keys[i]);
	freeReplyObject(names ? names->reply : NULL);
	free(names);
	return rc;
}

/* --- what no call can name -------------------------------------------------------------------- */

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
	struct redis_scan s;
	int rc = redis_scan_init(&s, r->prefix);
	bool any = false;

	if (rc < 0)
		return rc;
	do {
		redisReply *reply = NULL;
		struct redis_call call;
		rc = redis_call_begin(&call, r, REDIS_WRITES);
		if (rc < 0)
			break;
		rc = scan_names(&call, &s, &reply);
		if (rc == 0)
			rc = unlink_unreachable(&call, reply, &any);
		rc = redis_call_end(&call, rc);
		freeReplyObject(reply);
	} while (rc == 0 && !redis_scan_is_over(&s));
	redis_scan_fini(&s);
	return rc == 0 && !any ? -ENOENT : rc;
}
