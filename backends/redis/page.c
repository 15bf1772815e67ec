/* Pages of the ordered index. See redis/page.h. */
#include "redis/page.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kit/marker.h"
#include "redis/command.h"
#include "redis/look.h"

void redis_page_fini(struct redis_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		meta_fini(&page->items[i].meta);
	freeReplyObject(page->reply);
	*page = (struct redis_page){ 0 };
}

/* *news: as far as is known they were not dropped before. */
static int drop_members(struct redis_call *call, struct key set, const struct key *members,
			size_t count, bool *news)
{
	int64_t dropped = 0;

	*news = true;
	if (count == 0 || atomic_load(&call->r->said.refuses_writes))
		return 0;
	redis_link_begin(call->link, 2 + count);
	redis_link_add(call->link, redis_word("ZREM"));
	redis_link_add(call->link, redis_bytes(set));
	for (size_t i = 0; i < count; i++)
		redis_link_add(call->link, redis_bytes(members[i]));
	int rc = redis_expect_number(call, "ZREM", &dropped);
	*news = dropped > 0 || rc < 0;
	if (rc == 0 && key_equal(set, call->r->index))
		atomic_fetch_add(&call->r->dropped, (uint64_t)dropped);
	return rc == -EHOSTDOWN || call->link->odd
		       ? rc
		       : 0; /* a replica that can't drop them shows nothing either */
}

/* Whether there can be such a key in the set. */
static bool is_possible(const struct redis_call *call, struct key set, struct key key)
{
	return key_equal(set, call->r->dirs) ? marker_key_is_valid(key) : key_is_valid(key);
}

static bool is_in_range(const struct redis_range *range, struct key key)
{
	return key_compare(key, range->first) >= 0 &&
	       (range->unbounded || key_compare(key, range->end) < 0);
}

static int page_unpack(struct redis_call *call, struct key set, const struct redis_range *range,
		       struct redis_page *page)
{
	struct key damaged[REDIS_PAGE];
	size_t damaged_count = 0;
	bool news;

	for (size_t i = 0; i < page->reply->elements; i++) {
		const redisReply *m = page->reply->element[i];
		struct redis_item *item = &page->items[page->count];

		*item = (struct redis_item){ .member = key_make(m->str, m->len) };
		int rc = redis_member_unpack(item->member, &item->key, &item->meta, &item->ends,
					     &item->known);
		if (rc == -ENOMEM)
			return rc;
		if (rc == 0 && is_possible(call, set, item->key)) {
			page->count += is_in_range(range, item->key);
			if (is_in_range(range, item->key))
				continue;
		} else {
			damaged[damaged_count++] = item->member;
		}
		meta_fini(&item->meta);
	}
	assert(page->count + damaged_count <= page->reply->elements);
	if (damaged_count > 0)
		redis_damaged(&call->r->said, damaged[0], "damaged metadata");
	return drop_members(call, set, damaged, damaged_count, &news);
}

/* Whether the members lie in the range by their bytes, each behind the one before: whoever goes on
 * behind the last gets on. */
static bool is_page(const redisReply *reply, const struct redis_range *range)
{
	struct key last = range->after.size > 0 ? range->after : range->first;

	for (size_t i = 0; i < reply->elements; i++) {
		struct key member = key_make(reply->element[i]->str, reply->element[i]->len);
		int order = key_compare(last, member);
		if (order > 0 || (order == 0 && (i > 0 || range->after.size > 0)) ||
		    (!range->unbounded && key_compare(member, range->end) >= 0))
			return false;
		last = member;
	}
	return true;
}

int redis_page_read(struct redis_call *call, struct key set, const struct redis_range *range,
		    size_t limit, struct redis_page *page)
{
	struct redis_arg from = { { key_of("["), range->first } }, to = redis_word("+");
	redisReply *reply;
	char text[24];

	assert(limit > 0 && limit <= REDIS_PAGE);
	snprintf(text, sizeof(text), "%zu", limit);
	if (range->after.size > 0)
		from = (struct redis_arg){ { key_of("("), range->after } };
	if (!range->unbounded)
		to = (struct redis_arg){ { key_of("("), range->end } };
	REDIS_COMMAND(call, redis_word("ZRANGEBYLEX"), redis_bytes(set), from, to,
		      redis_word("LIMIT"), redis_word("0"), redis_word(text));
	int rc = redis_expect(call, "ZRANGEBYLEX", REDIS_REPLY_ARRAY, &reply);
	if (rc == 0 && (reply->elements > limit || !redis_is_list(reply) || !is_page(reply, range)))
		rc = redis_odd(call, "ZRANGEBYLEX");
	redis_page_fini(page); /* range->after may have lain there until now */
	page->reply = reply;
	if (rc < 0)
		return rc;
	page->end = reply->elements < limit;
	if (reply->elements > 0) {
		const redisReply *last = reply->element[reply->elements - 1];
		page->after = key_make(last->str, last->len);
	}
	return page_unpack(call, set, range, page);
}

/* One reply about a value: *is_none: there is none of ours. What may not be asked says nothing. */
static int reply_of_value(struct redis_call *call, int64_t *number, bool *is_none)
{
	redisReply *reply = NULL;
	int rc = redis_link_reply(call->link, &reply);

	if (rc == 0 && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "WRONGTYPE", 9) == 0)
		*is_none = true;
	else if (rc == 0)
		rc = redis_error(call, reply);
	if (rc == 0 && reply->type == REDIS_REPLY_INTEGER && reply->integer >= -2 &&
	    reply->integer <= REDIS_COUNT_MAX)
		*number = reply->integer;
	else if (rc == 0 && reply->type != REDIS_REPLY_ERROR)
		rc = redis_odd(call, "PEXPIRETIME or STRLEN");
	freeReplyObject(reply);
	return rc;
}

/* Another program's set leaves the member as it was: then size or expiry tell. */
static void note_value(struct redis_call *call, struct redis_item *item, int64_t expiry,
		       int64_t size)
{
	int64_t expires_ms = expiry < 0 ? 0 : expiry;

	item->unmeasured = size < 0 && call->r->conf->foreign_writers;
	if (expiry == -2)
		item->dead = true;
	else if (size >= 0 && (uint64_t)size != item->meta.size)
		item->strange = true;
	else if (call->tells_expiry)
		item->strange = !redis_same_expiry(call, expires_ms, item->ends.expires_ms);
	else
		item->strange = (expires_ms == 0) != (item->ends.expires_ms == 0);
}

/* An expiry is asked for because that leaves the value's recency alone; its size as well, of a
 * server that leaves it alone. */
static int ask_for_values(struct redis_call *call, struct redis_page *page)
{
	struct redis *r = call->r;
	bool sizes = atomic_load(&r->server.spares_recency);
	int rc = 0;

	call->tells_expiry = atomic_load(&r->server.tells_expiry);
	for (size_t i = 0; i < page->count; i++) {
		struct redis_arg name = redis_value_name(r, page->items[i].key);
		REDIS_COMMAND(call, redis_word(call->tells_expiry ? "PEXPIRETIME" : "PTTL"), name);
		if (sizes)
			REDIS_COMMAND(call, redis_word("STRLEN"), name);
	}
	for (size_t i = 0; i < page->count; i++) {
		struct redis_item *item = &page->items[i];
		int64_t expiry = -1, size = -1;
		int one = reply_of_value(call, &expiry, &item->dead);
		if (sizes && !call->link->broken)
			reply_of_value(call, &size, &item->dead);
		if (call->link->broken)
			return one < 0 ? one : -EHOSTDOWN;
		if (call->link->odd)
			one = -EIO;
		if (one < 0)
			rc = one;
		else
			note_value(call, item, expiry, size);
	}
	return rc;
}

static int drop_dead(struct redis_call *call, struct key set, const struct redis_page *page,
		     bool *news)
{
	struct key dead[REDIS_PAGE];
	size_t count = 0;

	for (size_t i = 0; i < page->count; i++)
		if (page->items[i].dead)
			dead[count++] = page->items[i].member;
	return drop_members(call, set, dead, count, news);
}

int redis_page_check(struct redis_call *call, struct redis_page *page)
{
	struct redis *r = call->r;
	struct instant now = time_instant(r->env->time);
	bool news; /* else it was we who removed them, since the page was read */

	int rc = ask_for_values(call, page);
	if (rc < 0)
		return rc;
	rc = drop_dead(call, r->index, page, &news);
	for (size_t i = 0; i < page->count; i++) {
		struct redis_item *item = &page->items[i];
		if (item->dead && news)
			r->env->gone(r->env->self, item->key);
		item->old = !item->dead && redis_is_old(r, item->key, &item->meta);
		if (item->strange && r->conf->foreign_writers)
			item->old = false; /* it is the member that is */
		else
			item->dead = item->dead || item->strange || item->old ||
				     meta_is_expired(&item->meta, now);
	}
	return rc;
}

int redis_page_check_markers(struct redis_call *call, struct redis_page *page)
{
	bool news;

	for (size_t i = 0; i < page->count; i++)
		page->items[i].dead = redis_is_old(call->r, page->items[i].key,
						   &page->items[i].meta);
	return drop_dead(call, call->r->dirs, page, &news);
}

void redis_page_gather(struct redis_call *call, const char *word, const struct key *set,
		       const struct redis_page *page)
{
	redis_link_begin(call->link, (set ? 2 : 1) + page->count);
	redis_link_add(call->link, redis_word(word));
	if (set)
		redis_link_add(call->link, redis_bytes(*set));
	for (size_t i = 0; i < page->count; i++) {
		const struct redis_item *item = &page->items[i];
		redis_link_add(call->link, set ? redis_bytes(item->member)
					       : redis_value_name(call->r, item->key));
	}
}
