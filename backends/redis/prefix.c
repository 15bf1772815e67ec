/* Changes of all keys that begin with a prefix. See redis/prefix.h. */
#include "redis/prefix.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kit/marker.h"
#include "redis/command.h"
#include "redis/look.h"
#include "redis/page.h"

enum { TRIES = 5 }; /* of a batch that others get in between of */

/* A change of all keys that begin with a prefix, in batches: of entries, and then of markers. */
struct sweep {
	struct key prefix;
	struct key from, to; /* the directories of a rename */
	int (*entries)(struct redis_call *call, const struct sweep *sweep, struct redis_page *page);
	int (*markers)(struct redis_call *call, const struct sweep *sweep, struct redis_page *page);
	bool at_markers;
};

/* Runs the batches over one of the sets, in order, each in its own turn. 1: there was something; 0
 * or -errno. */
static int sweep_set(struct redis_call *call, const struct sweep *sweep)
{
	struct key set = sweep->at_markers ? call->r->dirs : call->r->index;
	struct redis_page page = { 0 };
	struct redis_range range = { .first = sweep->prefix };
	struct key_buffer end;
	bool found = false;
	int rc;

	range.unbounded = !key_prefix_end(sweep->prefix, &end);
	range.end = key_make(end.bytes, end.size);
	do {
		redis_call_turn(call);
		range.after = page.after;
		rc = redis_page_read(call, set, &range, REDIS_PAGE, &page);
		found |= rc == 0 && page.count > 0;
		if (rc == 0 && page.count > 0)
			rc = (sweep->at_markers ? sweep->markers : sweep->entries)(call, sweep,
										   &page);
	} while (rc == 0 && !page.end);
	redis_page_fini(&page);
	return rc < 0 ? rc : found;
}

/* Both sets. 1: there was something; 0 or -errno. */
static int sweep_run(struct redis_call *call, struct sweep sweep)
{
	int entries = sweep_set(call, &sweep);

	if (entries < 0)
		return entries;
	sweep.at_markers = true;
	int markers = sweep_set(call, &sweep);
	return markers < 0 ? markers : entries | markers;
}

/* --- removing --------------------------------------------------------------------------------- */

static void remove_gather(struct redis_call *call, const struct redis_page *page)
{
	redis_page_gather(call, "UNLINK", NULL, page);
	redis_page_gather(call, "ZREM", &call->r->index, page);
}

static int remove_entries(struct redis_call *call, const struct sweep *sweep,
			  struct redis_page *page)
{
	(void)sweep;
	REDIS_COMMAND(call, redis_word("MULTI"));
	remove_gather(call, page);
	int rc = redis_exec_skip(call, 2);
	if (rc != -ENOSPC)
		return rc;
	/* A server without memory left refuses whatever is queued. */
	remove_gather(call, page);
	int64_t removed;
	rc = redis_expect_number(call, "UNLINK", &removed);
	int rest = redis_expect_number(call, "ZREM", &removed);
	return rc < 0 ? rc : rest;
}

static int remove_markers(struct redis_call *call, const struct sweep *sweep,
			  struct redis_page *page)
{
	int64_t removed;

	(void)sweep;
	redis_page_gather(call, "ZREM", &call->r->dirs, page);
	return redis_expect_number(call, "ZREM", &removed);
}

int redis_remove_prefix(void *state, struct key prefix)
{
	struct redis *r = state;
	const struct sweep sweep = { .prefix = prefix,
				     .entries = remove_entries,
				     .markers = remove_markers };
	struct rollback_change change = rollback_begin(&r->rollback);
	struct redis_call call;

	int rc = redis_call_begin(&call, r, REDIS_WRITES);
	if (rc < 0)
		return rc;
	rc = redis_call_end(&call, sweep_run(&call, sweep));
	if (rc < 0)
		return rc;
	rollback_note_cleared(&r->rollback, change, prefix);
	return rc > 0 ? 0 : -ENOENT;
}

/* --- renaming --------------------------------------------------------------------------------- */

/* What a key below from becomes. -ENAMETOOLONG: too long (a marker's has a slash more). */
static int moved_key(const struct sweep *sweep, struct key key, struct key_buffer *buffer)
{
	assert(key_begins(key, sweep->prefix));
	return key_moved(buffer, key, sweep->from, sweep->to,
			 sweep->at_markers ? KEY_MAX + 1 : KEY_MAX);
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

/* Gathers what moves an item. Returns how many commands, or -errno. */
static int gather_renamed(struct redis_call *call, const struct sweep *sweep,
			  const struct redis_item *item)
{
	struct redis *r = call->r;
	struct key set = sweep->at_markers ? r->dirs : r->index;
	struct redis_member member;
	struct key_buffer moved;
	int queued = 1;

	int rc = moved_key(sweep, item->key, &moved);
	if (rc < 0)
		return rc;
	struct key to = key_make(moved.bytes, moved.size);
	rc = redis_member_pack(to, &item->meta, &item->ends, item->known, &member);
	if (rc < 0)
		return rc;
	if (!sweep->at_markers) {
		REDIS_COMMAND(call, redis_word("UNLINK"), redis_value_name(r, to));
		REDIS_COMMAND(call, redis_word("RENAME"), redis_value_name(r, item->key),
			      redis_value_name(r, to));
		queued += 2;
	}
	REDIS_COMMAND(call, redis_word("ZREM"), redis_bytes(set), redis_bytes(item->member));
	queued += redis_gather_member(call, set, to, &member);
	free(member.bytes);
	return queued;
}

/* The values of the batch shall not change from now on. */
static int watch_page(struct redis_call *call, struct redis_page *page)
{
	redis_page_gather(call, "WATCH", NULL, page);
	call->link->watching = true;
	int rc = redis_expect_status(call, "WATCH", "OK");
	return rc < 0 ? rc : redis_page_check(call, page);
}

static int rename_batch(struct redis_call *call, const struct sweep *sweep, struct redis_page *page)
{
	int rc = sweep->at_markers ? 0 : watch_page(call, page);
	int queued = 0;

	if (rc < 0)
		return rc;
	REDIS_COMMAND(call, redis_word("MULTI"));
	for (size_t i = 0; i < page->count; i++) {
		if (page->items[i].dead)
			continue;
		rc = gather_renamed(call, sweep, &page->items[i]);
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
		rc = rename_batch(call, sweep, page);
	return rc == -EAGAIN ? -EIO : rc;
}

/* Whether all keys below a directory can be renamed, and that. 0 or -errno. */
static int check_below(struct redis_call *call, struct key from, struct key to)
{
	struct key_buffer buffer;

	if (to.size <= from.size)
		return 0;
	int rc = sweep_run(call, (struct sweep){ .prefix = marker_key(&buffer, from),
						 .from = from,
						 .to = to,
						 .entries = check_lengths,
						 .markers = check_lengths });
	return rc < 0 ? rc : 0;
}

static int rename_below(struct redis_call *call, struct key from, struct key to)
{
	struct key_buffer buffer;
	int rc = check_below(call, from, to);

	if (rc == 0)
		rc = sweep_run(call, (struct sweep){ .prefix = marker_key(&buffer, from),
						     .from = from,
						     .to = to,
						     .entries = rename_entries,
						     .markers = rename_batch });
	return rc < 0 ? rc : 0;
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
	rc = redis_call_end(&call, rename_below(&call, from, to));
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
	return rc < 0 ? rc : redis_call_end(&call, check_below(&call, from, to));
}
