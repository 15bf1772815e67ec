/* Directories: listings, and markers. See redis/dirs.h. */
#include "redis/dirs.h"

#include <errno.h>
#include <stdlib.h>

#include "kit/child_merge.h"
#include "kit/marker.h"
#include "redis/command.h"
#include "redis/look.h"
#include "redis/page.h"

enum {
	SKIP_PAGE = 32,    /* after a jump over a directory another one is likely near */
	BARREN_MS = 60000, /* how long a listing goes through members that have lost their values */
};

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
		rc = redis_page_check_markers(call, &s->page);
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
		if (barren && time_mono_ms(call->r->env->time) - call->start_ms > BARREN_MS)
			return redis_odd(call, "ZRANGEBYLEX: members without end, and no value,");
		struct redis_range range = { .first = at, .unbounded = dir.size == 0 };
		if (dir.size > 0)
			range.end = key_make(end.bytes, end.size);
		if (s->started && key_compare(page->after, at) >= 0)
			range.after = page->after;
		int rc = stream_read(call, s, &range, limit);
		if (rc < 0)
			return rc;
		limit = REDIS_PAGE;
	}
}

/* One of the two sets in a listing. */
struct set_stream {
	struct child_stream stream; /* the first member */
	struct redis_call *call;
	struct stream set;
	struct key dir;
	struct redis_item *item;
};

static int set_seek(struct child_stream *stream, struct key at, bool is_near)
{
	struct set_stream *s = (struct set_stream *)stream;
	int rc = stream_seek(s->call, &s->set, s->dir, at, &s->item);

	(void)is_near; /* a page is passed item by item in any case */
	if (rc == 0 && s->item)
		stream->key = s->item->key;
	return rc == 0 && !s->item ? -ENOENT : rc;
}

static int set_describe(struct child_stream *stream, struct child *child)
{
	const struct redis_item *item = ((struct set_stream *)stream)->item;

	meta_copy(&child->meta, &item->meta);
	child->vague = !child->is_dir && (item->strange || item->unmeasured);
	return 0;
}

int redis_list(void *state, struct key dir, struct key after, bool after_is_dir,
	       struct children *batch)
{
	struct redis *r = state;
	struct redis_call call;
	struct set_stream entries = { .stream = { .seek = set_seek, .describe = set_describe },
				      .call = &call,
				      .set = { .set = r->index, .checked = true },
				      .dir = dir };
	struct set_stream markers = {
		.stream = { .seek = set_seek, .describe = set_describe, .is_marker = true },
		.call = &call,
		.set = { .set = r->dirs },
		.dir = dir
	};
	struct child_stream *const streams[] = { &entries.stream, &markers.stream };
	struct child_merge merge = { .streams = streams, .count = 2 };

	int rc = child_merge_start(&merge, dir, after, after_is_dir);
	if (rc < 0)
		return rc;
	rc = redis_call_begin(&call, r, REDIS_READS);
	if (rc < 0)
		return rc;
	rc = redis_call_end(&call, child_merge_run(&merge, batch));
	redis_page_fini(&entries.set.page);
	redis_page_fini(&markers.set.page);
	return rc;
}

/* --- directories and markers ------------------------------------------------------------------ */

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

int redis_dir_set(void *state, struct key dir, const struct meta *meta)
{
	struct redis *r = state;
	struct redis_member member;
	struct redis_call call;
	struct key_buffer buffer;
	struct key key = marker_key(&buffer, dir);
	const struct end_record no_ends = { 0 };

	int rc = redis_member_pack(key, meta, &no_ends, true, &member);
	if (rc < 0)
		return rc;
	rc = redis_call_begin(&call, r, REDIS_WRITES);
	if (rc == 0) {
		REDIS_COMMAND(&call, redis_word("MULTI"));
		redis_gather_member(&call, r->dirs, key, &member);
		rc = redis_call_end(&call, redis_exec_skip(&call, 2));
	}
	free(member.bytes);
	return rc;
}

int redis_dir_remove(void *state, struct key dir)
{
	struct redis *r = state;
	struct redis_call call;
	struct key_buffer buffer;
	int64_t removed = 0;

	int rc = redis_call_begin(&call, r, REDIS_WRITES);
	if (rc < 0)
		return rc;
	redis_gather_member(&call, r->dirs, marker_key(&buffer, dir), NULL);
	rc = redis_expect_number(&call, "ZREMRANGEBYLEX", &removed);
	return redis_call_end(&call, rc == 0 && removed == 0 ? -ENOENT : rc);
}
