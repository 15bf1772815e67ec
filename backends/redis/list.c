/*
 * The ordered index: pages of its members, the children of a directory, and what is done to all
 * keys below a prefix, page by page, so that the server is never kept from others for long. See
 * redis/store.h.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/cursor.h"
#include "redis/look.h"
#include "redis/store.h"

enum {
	SKIP_PAGE = 32, /* after a jump over a directory another one is likely near */
	BARREN_MS = 60000, /* how long a listing goes through members that have lost their values */
	TRIES = 5,      /* of a batch that others get in between of */
};

/* --- pages ------------------------------------------------------------------------------------ */

void redis_page_fini(struct redis_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		meta_fini(&page->items[i].meta);
	if (page->reply)
		freeReplyObject(page->reply);
	*page = (struct redis_page){ 0 };
}

/* *news: as far as is known they were not dropped before. */
static int drop_members(struct redis_call *call, struct key set, const struct key *members,
			size_t count, bool *news)
{
	int64_t dropped = 0;

	*news = true;
	if (count == 0 || atomic_load(&call->r->refuses_writes))
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
	return rc == -EHOSTDOWN || call->link->odd ? rc : 0; /* a replica that can't drop them shows nothing either */
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
	if (damaged_count > 0)
		redis_damaged(call->r, damaged[0], "damaged metadata");
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
	char text[24];

	redis_page_fini(page);
	assert(limit > 0 && limit <= REDIS_PAGE);
	snprintf(text, sizeof(text), "%zu", limit);
	if (range->after.size > 0)
		from = (struct redis_arg){ { key_of("("), range->after } };
	if (!range->unbounded)
		to = (struct redis_arg){ { key_of("("), range->end } };
	REDIS_COMMAND(call, redis_word("ZRANGEBYLEX"), redis_bytes(set), from, to,
		      redis_word("LIMIT"), redis_word("0"), redis_word(text));
	int rc = redis_expect(call, "ZRANGEBYLEX", REDIS_REPLY_ARRAY, &page->reply);
	if (rc < 0)
		return rc;
	if (page->reply->elements > limit || !redis_is_list(page->reply) ||
	    !is_page(page->reply, range))
		return redis_odd(call, "ZRANGEBYLEX");
	page->end = page->reply->elements < limit;
	if (page->reply->elements > 0) {
		const redisReply *last = page->reply->element[page->reply->elements - 1];
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
	if (reply)
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
	bool sizes = atomic_load(&r->spares_recency);
	int rc = 0;

	call->tells_expiry = atomic_load(&r->tells_expiry);
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

int redis_page_check(struct redis_call *call, struct redis_page *page)
{
	struct redis *r = call->r;
	struct key dead[REDIS_PAGE];
	size_t dead_count = 0;
	struct instant now = time_instant(r->env->time);
	bool news; /* else it was we who removed them, since the page was read */

	int rc = ask_for_values(call, page);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < page->count; i++)
		if (page->items[i].dead)
			dead[dead_count++] = page->items[i].member;
	rc = drop_members(call, r->index, dead, dead_count, &news);
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

/* The same for markers, which have no values. */
static int page_check_markers(struct redis_call *call, struct redis_page *page)
{
	struct key dead[REDIS_PAGE];
	size_t dead_count = 0;
	bool news;

	for (size_t i = 0; i < page->count; i++) {
		struct redis_item *item = &page->items[i];
		item->dead = redis_is_old(call->r, item->key, &item->meta);
		if (item->dead)
			dead[dead_count++] = item->member;
	}
	return drop_members(call, call->r->dirs, dead, dead_count, &news);
}

/* --- where a listing is ----------------------------------------------------------------------- */

/* One of the two sets on its way through a range of keys. */
struct stream {
	struct key set;
	bool checked; /* its members have values that may be gone */
	struct redis_page page;
	bool started;
};

static int stream_read(struct redis_call *call, struct stream *s, const struct redis_range *range,
		       size_t limit)
{
	int rc = redis_page_read(call, s->set, range, limit, &s->page);

	if (rc == 0 && s->checked && s->page.count > 0)
		rc = redis_page_check(call, &s->page);
	else if (rc == 0)
		rc = page_check_markers(call, &s->page);
	s->started = true;
	return rc;
}

/*
 * The first live item at or after the key `at` and below dir, in *item; NULL: none is left. Members
 * are read on from the page's end as long as `at` lies there, and from `at` once it is further.
 */
static int stream_seek(struct redis_call *call, struct stream *s, struct key dir, struct key at,
		       struct redis_item **item)
{
	size_t limit = s->started ? SKIP_PAGE : REDIS_PAGE;
	struct key_buffer below, end;

	if (dir.size > 0)
		key_range(dir, &below, &end);
	for (bool barren = false;; barren = true) {
		struct redis_page *page = &s->page;
		for (; page->next < page->count; page->next++) {
			*item = &page->items[page->next];
			if (!(*item)->dead && key_compare((*item)->key, at) >= 0)
				return 0;
		}
		*item = NULL;
		/* However many members lost their values: a server that answers is not away. */
		if (barren && page->count > 0)
			redis_call_turn(call);
		if (s->started && page->end)
			return 0;
		if (barren && time_mono_ms(&time_system) - call->start_ms > BARREN_MS)
			return redis_odd(call, "ZRANGEBYLEX: members without end, and no value,");
		struct redis_range range = { .first = at, .unbounded = dir.size == 0 };
		char *after = NULL;
		if (dir.size > 0)
			range.end = key_make(end.bytes, end.size);
		if (s->started && key_compare(page->after, at) >= 0) {
			after = key_copy(page->after); /* the page goes before it is compared */
			if (!after)
				return -ENOMEM;
			range.after = key_make(after, page->after.size);
		}
		int rc = stream_read(call, s, &range, limit);
		free(after);
		if (rc < 0)
			return rc;
		limit = REDIS_PAGE;
	}
}

struct listing {
	struct redis_call call;
	struct stream entries, markers;
	struct cursor cursor;
	struct children *batch;
};

static int next_marker(struct listing *l, struct key at, struct redis_item **item)
{
	int rc = stream_seek(&l->call, &l->markers, l->cursor.dir, at, item);

	if (rc < 0 || !*item || !cursor_is_own_marker(&l->cursor, (*item)->key))
		return rc;
	l->markers.page.next++;
	return stream_seek(&l->call, &l->markers, l->cursor.dir, at, item);
}

/* Adds the child that the item is or lies in, and moves behind it. */
static int listing_add(struct listing *l, const struct redis_item *item,
		       const struct redis_item *marker)
{
	bool is_dir;
	struct key dir;
	struct key name = cursor_pass(&l->cursor, item->key, &is_dir, &dir);

	if (is_dir && marker && key_equal(marker->key, dir))
		item = marker;
	else if (is_dir)
		item = NULL;
	int rc = children_add(l->batch, name, is_dir, item ? &item->meta : NULL);
	if (rc == 0 && !is_dir)
		l->batch->items[l->batch->count - 1].vague = item->strange || item->unmeasured;
	return rc;
}

static int listing_run(struct listing *l)
{
	for (;;) {
		struct redis_item *entry, *marker, *first;
		struct key at = cursor_at(&l->cursor);
		int rc = stream_seek(&l->call, &l->entries, l->cursor.dir, at, &entry);
		if (rc == 0)
			rc = next_marker(l, at, &marker);
		if (rc < 0)
			return rc;
		first = entry;
		if (!entry || (marker && key_compare(marker->key, entry->key) < 0))
			first = marker;
		if (!first) {
			l->batch->end = true;
			return 0;
		}
		if (l->batch->count == CHILDREN_MAX)
			return 0;
		rc = listing_add(l, first, marker);
		if (rc < 0)
			return rc;
	}
}

int redis_list(void *state, struct key dir, struct key after, bool after_is_dir,
	       struct children *batch)
{
	struct redis *r = state;
	struct listing l = { .batch = batch,
			     .entries = { .set = r->index, .checked = true },
			     .markers = { .set = r->dirs } };

	int rc = cursor_start(&l.cursor, dir, after, after_is_dir);
	if (rc < 0)
		return rc;
	rc = redis_call_begin(&l.call, r, REDIS_READS);
	if (rc < 0)
		return rc;
	rc = redis_call_end(&l.call, listing_run(&l));
	redis_page_fini(&l.entries.page);
	redis_page_fini(&l.markers.page);
	return rc;
}

/* --- directories ------------------------------------------------------------------------------ */

static int dir_look(struct redis_call *call, struct key dir, struct meta *meta)
{
	struct stream markers = { .set = call->r->dirs };
	struct stream entries = { .set = call->r->index, .checked = true };
	struct key_buffer first, end;
	struct redis_item *item;
	struct key below = KEY_ROOT;

	if (dir.size > 0) {
		key_range(dir, &first, &end);
		below = key_make(first.bytes, first.size);
	}
	/* Its own marker comes before those below it. */
	int rc = stream_seek(call, &markers, dir, below, &item);
	if (rc == 0 && item && key_equal(item->key, below))
		meta_copy(meta, &item->meta);
	else if (rc == 0 && !item)
		rc = stream_seek(call, &entries, dir, below, &item);
	if (rc == 0 && !item)
		rc = -ENOENT;
	redis_page_fini(&markers.page);
	redis_page_fini(&entries.page);
	return rc;
}

int redis_dir_stat(void *state, struct key dir, struct meta *meta)
{
	struct redis_call call;
	int rc = redis_call_begin(&call, state, REDIS_READS);

	if (rc < 0)
		return rc;
	*meta = (struct meta){ 0 };
	return redis_call_end(&call, dir_look(&call, dir, meta));
}

/* --- prefixes --------------------------------------------------------------------------------- */

/* A batch of a change of all keys that begin with a prefix: of entries, or of markers. */
struct sweep {
	struct key set;
	struct key prefix;
	struct key from, to; /* the directories of a rename */
	size_t key_max;      /* that a moved one may have */
	int (*batch)(struct redis_call *call, const struct sweep *sweep, struct redis_page *page);
};

/* Runs the batches over the range once, in order, each in its own turn. 1: there was something; 0
 * or -errno. */
static int sweep_run(struct redis_call *call, const struct sweep *sweep)
{
	struct redis_page page = { 0 };
	struct redis_range range = { .first = sweep->prefix };
	struct key_buffer end;
	bool found = false;
	char *after = NULL;
	int rc;

	range.unbounded = !key_prefix_end(sweep->prefix, &end);
	range.end = key_make(end.bytes, end.size);
	do {
		redis_call_turn(call);
		rc = redis_page_read(call, sweep->set, &range, REDIS_PAGE, &page);
		free(after);
		after = NULL;
		found |= rc == 0 && page.count > 0;
		if (rc == 0 && page.count > 0)
			rc = sweep->batch(call, sweep, &page);
		if (rc == 0 && !page.end) {
			after = key_copy(page.after);
			range.after = key_make(after, page.after.size);
			if (!after)
				rc = -ENOMEM;
		}
	} while (rc == 0 && !page.end);
	free(after);
	redis_page_fini(&page);
	return rc < 0 ? rc : found;
}

static void gather_drop(struct redis_call *call, struct key set, const struct redis_page *page)
{
	redis_link_begin(call->link, 2 + page->count);
	redis_link_add(call->link, redis_word("ZREM"));
	redis_link_add(call->link, redis_bytes(set));
	for (size_t i = 0; i < page->count; i++)
		redis_link_add(call->link, redis_bytes(page->items[i].member));
}

static void remove_gather(struct redis_call *call, const struct sweep *sweep,
			  const struct redis_page *page)
{
	redis_link_begin(call->link, 1 + page->count);
	redis_link_add(call->link, redis_word("UNLINK"));
	for (size_t i = 0; i < page->count; i++)
		redis_link_add(call->link, redis_value_name(call->r, page->items[i].key));
	gather_drop(call, sweep->set, page);
}

static int remove_entries(struct redis_call *call, const struct sweep *sweep,
			  struct redis_page *page)
{
	REDIS_COMMAND(call, redis_word("MULTI"));
	remove_gather(call, sweep, page);
	int rc = redis_exec_skip(call, 2);
	if (rc != -ENOSPC)
		return rc;
	/* A server without memory left refuses whatever is queued. */
	remove_gather(call, sweep, page);
	int64_t removed;
	rc = redis_expect_number(call, "UNLINK", &removed);
	int rest = redis_expect_number(call, "ZREM", &removed);
	return rc < 0 ? rc : rest;
}

static int remove_markers(struct redis_call *call, const struct sweep *sweep,
			  struct redis_page *page)
{
	int64_t removed;

	gather_drop(call, sweep->set, page);
	return redis_expect_number(call, "ZREM", &removed);
}

int redis_remove_prefix(void *state, struct key prefix)
{
	struct redis *r = state;
	struct sweep entries = { .set = r->index, .prefix = prefix, .batch = remove_entries };
	struct sweep markers = { .set = r->dirs, .prefix = prefix, .batch = remove_markers };
	struct rollback_change change = rollback_begin(&r->rollback);
	struct redis_call call;

	int rc = redis_call_begin(&call, r, REDIS_WRITES);
	if (rc < 0)
		return rc;
	rc = sweep_run(&call, &entries);
	bool found = rc > 0;
	if (rc >= 0)
		rc = sweep_run(&call, &markers);
	found |= rc > 0;
	rc = redis_call_end(&call, rc < 0 ? rc : 0);
	if (rc == 0)
		rollback_note_cleared(&r->rollback, change, prefix);
	return rc == 0 && !found ? -ENOENT : rc;
}

/* What a key below from becomes. -ENAMETOOLONG: too long (a marker's has a slash more). */
static int moved_key(const struct sweep *sweep, struct key key, struct key_buffer *buffer)
{
	size_t rest = key.size - sweep->from.size; /* its slash included */

	if (sweep->to.size + rest > sweep->key_max)
		return -ENAMETOOLONG;
	memcpy(buffer->bytes, sweep->to.bytes, sweep->to.size);
	memcpy(buffer->bytes + sweep->to.size, key.bytes + sweep->from.size, rest);
	buffer->size = sweep->to.size + rest;
	return 0;
}

static int check_lengths(struct redis_call *call, const struct sweep *sweep,
			 struct redis_page *page)
{
	struct key_buffer moved;
	int rc = 0;

	(void)call;
	for (size_t i = 0; i < page->count && rc == 0; i++)
		rc = moved_key(sweep, page->items[i].key, &moved);
	return rc;
}

/* Gathers what puts an item's member under its new key. Returns how many commands, or -errno. */
static int gather_moved(struct redis_call *call, struct key set, const struct redis_item *item,
			struct key to)
{
	struct redis_member member;
	int rc = redis_member_pack(to, &item->meta, &item->ends, item->known, &member);

	if (rc < 0)
		return rc;
	REDIS_COMMAND(call, redis_word("ZREM"), redis_bytes(set), redis_bytes(item->member));
	REDIS_COMMAND(call, redis_word("ZREMRANGEBYLEX"), redis_bytes(set), redis_from(to),
		      redis_to(to));
	REDIS_COMMAND(call, redis_word("ZADD"), redis_bytes(set), redis_word("0"),
		      redis_bytes(key_make(member.bytes, member.size)));
	free(member.bytes);
	return 3;
}

static int gather_renamed(struct redis_call *call, const struct sweep *sweep,
			  const struct redis_item *item, bool with_value)
{
	struct redis *r = call->r;
	struct key_buffer moved;
	int queued = 0;

	int rc = moved_key(sweep, item->key, &moved);
	if (rc < 0)
		return rc;
	struct key to = key_make(moved.bytes, moved.size);
	if (with_value) {
		REDIS_COMMAND(call, redis_word("UNLINK"), redis_value_name(r, to));
		REDIS_COMMAND(call, redis_word("RENAME"), redis_value_name(r, item->key),
			      redis_value_name(r, to));
		queued = 2;
	}
	rc = gather_moved(call, sweep->set, item, to);
	return rc < 0 ? rc : queued + rc;
}

/* The values of the batch shall not change from now on. */
static int watch_page(struct redis_call *call, const struct redis_page *page)
{
	redis_link_begin(call->link, 1 + page->count);
	redis_link_add(call->link, redis_word("WATCH"));
	for (size_t i = 0; i < page->count; i++)
		redis_link_add(call->link, redis_value_name(call->r, page->items[i].key));
	call->link->watching = true;
	return redis_expect_status(call, "WATCH", "OK");
}

static int rename_batch(struct redis_call *call, const struct sweep *sweep, struct redis_page *page,
			bool with_values)
{
	int queued = 0;

	int rc = with_values ? watch_page(call, page) : 0;
	if (rc == 0 && with_values)
		rc = redis_page_check(call, page);
	if (rc < 0)
		return rc;
	REDIS_COMMAND(call, redis_word("MULTI"));
	for (size_t i = 0; i < page->count; i++) {
		if (page->items[i].dead)
			continue;
		rc = gather_renamed(call, sweep, &page->items[i], with_values);
		if (rc < 0)
			return rc; /* half a transaction: the connection ends with the call */
		queued += rc;
	}
	return redis_exec_skip(call, (size_t)queued);
}

static int rename_entries(struct redis_call *call, const struct sweep *sweep,
			  struct redis_page *page)
{
	int rc = -EAGAIN;

	for (int i = 0; i < TRIES && rc == -EAGAIN; i++)
		rc = rename_batch(call, sweep, page, true);
	return rc == -EAGAIN ? -EIO : rc;
}

static int rename_markers(struct redis_call *call, const struct sweep *sweep,
			  struct redis_page *page)
{
	return rename_batch(call, sweep, page, false);
}

/* All below a directory, entries and then markers. 0 or -errno. */
static int sweep_below(struct redis_call *call, struct key from, struct key to,
		       int (*entries)(struct redis_call *, const struct sweep *,
				      struct redis_page *),
		       int (*markers)(struct redis_call *, const struct sweep *,
				      struct redis_page *))
{
	struct key_buffer buffer;
	struct sweep sweep = { .set = call->r->index,
			       .prefix = marker_key(&buffer, from),
			       .from = from,
			       .to = to,
			       .key_max = KEY_MAX,
			       .batch = entries };
	int rc = sweep_run(call, &sweep);

	if (rc < 0)
		return rc;
	sweep.set = call->r->dirs;
	sweep.key_max = KEY_MAX + 1;
	sweep.batch = markers;
	rc = sweep_run(call, &sweep);
	return rc < 0 ? rc : 0;
}

static int lengths_run(struct redis_call *call, struct key from, struct key to)
{
	return to.size <= from.size ? 0 : sweep_below(call, from, to, check_lengths, check_lengths);
}

int redis_rename_prefix(void *state, struct key from, struct key to)
{
	struct redis *r = state;
	struct rollback_change change = rollback_begin(&r->rollback);
	struct key_buffer buffer;
	struct redis_call call;

	assert(!key_is_below(to, from));
	if (key_equal(from, to))
		return 0;
	int rc = redis_call_begin(&call, r, REDIS_WRITES);
	if (rc < 0)
		return rc;
	rc = lengths_run(&call, from, to);
	if (rc == 0)
		rc = sweep_below(&call, from, to, rename_entries, rename_markers);
	rc = redis_call_end(&call, rc);
	rollback_note_filled(&r->rollback, marker_key(&buffer, to)); /* perhaps in part */
	if (rc == 0)
		rollback_note_cleared(&r->rollback, change, marker_key(&buffer, from));
	return rc;
}

int redis_check_rename_prefix(void *state, struct key from, struct key to)
{
	struct redis_call call;

	if (to.size <= from.size)
		return 0;
	int rc = redis_call_begin(&call, state, REDIS_READS);
	return rc < 0 ? rc : redis_call_end(&call, lengths_run(&call, from, to));
}
