/* All keys that begin with a prefix. See redis/prefix.h. */
#include "redis/prefix.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kit/cursor.h"
#include "redis/command.h"
#include "redis/page.h"

enum { TRIES = 5 }; /* of a batch that others get in between of */

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
