/* Operations on one key. See redis/keys.h. */
#include "redis/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/command.h"
#include "redis/look.h"

/* What was seen becomes the caller's. */
static int give(int rc, const struct redis_seen *seen, struct value **value, struct meta *meta)
{
	if (rc < 0)
		return rc;
	*meta = seen->meta;
	if (value)
		*value = seen->value;
	return 0;
}

int redis_stat(void *state, struct key key, struct meta *meta)
{
	struct redis_seen seen = { 0 };

	return give(redis_find(state, key, REDIS_LOOK_SIZE, &seen), &seen, NULL, meta);
}

int redis_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	struct redis_seen seen = { 0 };

	return give(redis_find(state, key, REDIS_LOOK_GET, &seen), &seen, value, meta);
}

int redis_peek(void *state, struct key key, struct value **value, struct meta *meta)
{
	struct redis_seen seen = { 0 };

	return give(redis_peek_at(state, key, &seen), &seen, value, meta);
}

/*
 * A foreign SET leaves the member as it was, and may keep length and expiry too. So the bytes are
 * read again and their checksum decides; without foreign writers the member alone does.
 */
int redis_revalidate(void *state, struct key key, const struct meta *meta)
{
	struct redis *r = state;
	struct redis_seen seen = { 0 };
	int rc = redis_find(r, key, r->conf->foreign_writers ? REDIS_LOOK_VALUE : REDIS_LOOK_SIZE,
			    &seen);

	if (rc < 0)
		return rc;
	bool same = meta_is_copy(meta, &seen.meta);
	redis_seen_fini(&seen);
	return same ? 0 : -ESTALE;
}

/* By how much the server's clock is ahead, asked anew if ours was set. No call is under way. */
static int64_t skew_ms_of(struct redis *r)
{
	struct redis_call call;

	if (redis_server_clock_was_set(&r->server) && redis_call_begin(&call, r, REDIS_READS) == 0)
		redis_call_end(&call, redis_info_read(&r->server, call.link, NULL));
	return redis_server_skew_ms(&r->server);
}

static bool has_name(const struct redis *r, struct key key, struct key name)
{
	size_t head = r->prefix.size;

	return head + key.size == name.size && memcmp(name.bytes, r->prefix.bytes, head) == 0 &&
	       memcmp(name.bytes + head, key.bytes, key.size) == 0;
}

/* Whether the value would have the name of one of the sets beside the values, as it could without a
 * prefix, or with one like "cachefs:". */
static bool is_reserved(const struct redis *r, struct key key)
{
	return has_name(r, key, r->index) || has_name(r, key, r->dirs);
}

/* Gathers when the value expires; 0: a SET has cleared it already. Returns how many commands. */
static int gather_expiry(struct redis_call *call, struct key key, int64_t expires_ms)
{
	char text[24];

	if (expires_ms == 0)
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)expires_ms);
	REDIS_COMMAND(call, redis_word("PEXPIREAT"), redis_value_name(call->r, key),
		      redis_word(text));
	return 1;
}

int redis_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	struct redis *r = state;
	struct redis_member member;
	struct redis_call call;

	if (value_size(value) > REDIS_VALUE_MAX)
		return -EFBIG;
	if (is_reserved(r, key))
		return -EACCES;
	int64_t skew_ms = end_comes(meta->copy) ? skew_ms_of(r) : 0;
	struct end_record ends = end_record_of(meta->copy, meta->own, skew_ms);
	int rc = redis_member_pack(key, meta, &ends, true, &member);
	if (rc < 0)
		return rc;
	struct rollback_change change = rollback_begin(&r->rollback);
	rc = redis_call_begin(&call, r, REDIS_WRITES);
	if (rc == 0) {
		int queued = 1;
		REDIS_COMMAND(&call, redis_word("MULTI"));
		redis_link_begin(call.link, 3);
		redis_link_add(call.link, redis_word("SET"));
		redis_link_add(call.link, redis_value_name(r, key));
		redis_link_add_value(call.link, value);
		queued += gather_expiry(&call, key, ends.expires_ms);
		queued += redis_gather_member(&call, r->index, key, &member);
		rc = redis_call_end(&call, redis_exec_skip(&call, (size_t)queued));
	}
	if (rc == 0)
		rollback_note(&r->rollback, change, key, meta);
	free(member.bytes);
	return rc;
}

/* A change of an entry that is there, which begins with a look at it. */
struct change {
	struct key from, to; /* its key; and then */
	const struct meta *meta;
	unsigned fields;
	int64_t skew_ms;
	/* Changes what was seen, in a transaction. -EAGAIN: it has changed since. */
	int (*run)(struct redis_call *call, const struct change *change, struct redis_seen *seen);
};

/* Looks at the key under a WATCH; -ENOENT when there is nothing that counts. */
static int watch_entry(struct redis_call *call, struct key key, struct redis_seen *seen)
{
	struct redis *r = call->r;
	int rc = redis_look_and_watch(call, key, seen);

	if (rc == 0 && (!seen->has_value || (!seen->fits && !r->conf->foreign_writers) ||
			meta_is_expired(&seen->meta, time_instant(r->env->time))))
		rc = -ENOENT;
	return rc;
}

static int change_entry(struct redis *r, const struct change *change)
{
	int64_t start_ms = time_mono_ms(r->env->time);
	struct rollback_change begun = rollback_begin(&r->rollback);
	int rc = -EAGAIN;

	for (int i = 0; i < REDIS_TRIES && rc == -EAGAIN; i++) {
		struct redis_seen seen = { 0 };
		struct redis_call call;
		rc = redis_call_again(&call, r, REDIS_WRITES, start_ms);
		if (rc < 0)
			return rc;
		rc = watch_entry(&call, change->from, &seen);
		if (rc == 0)
			rc = change->run(&call, change, &seen);
		rc = redis_call_end(&call, rc);
		if (rc == 0 && !key_equal(change->from, change->to))
			rollback_note_gone(&r->rollback, begun, change->from);
		if (rc == 0)
			rollback_note(&r->rollback, begun, change->to, &seen.meta);
		redis_seen_fini(&seen);
	}
	return rc == -EAGAIN ? -EIO : rc;
}

static int touch_watched(struct redis_call *call, const struct change *change,
			 struct redis_seen *seen)
{
	const struct meta *meta = change->meta;
	struct key key = change->from;
	struct redis_member member;
	int queued = 0;

	meta_update(&seen->meta, meta, change->fields);
	if (change->fields & META_EXPIRY)
		seen->ends = end_record_of(meta->copy, meta->own, change->skew_ms);
	int rc = redis_member_pack(key, &seen->meta, &seen->ends, seen->known, &member);
	if (rc < 0)
		return rc;
	REDIS_COMMAND(call, redis_word("MULTI"));
	if (change->fields & META_EXPIRY) {
		queued = gather_expiry(call, key, seen->ends.expires_ms);
		if (queued == 0) {
			REDIS_COMMAND(call, redis_word("PERSIST"), redis_value_name(call->r, key));
			queued = 1;
		}
	}
	queued += redis_gather_member(call, call->r->index, key, &member);
	if (change->fields & META_USED) {
		REDIS_COMMAND(call, redis_word("TOUCH"), redis_value_name(call->r, key));
		queued++;
	}
	rc = redis_exec_skip(call, (size_t)queued);
	free(member.bytes);
	return rc;
}

int redis_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	const struct change change = { .from = key,
				       .to = key,
				       .meta = meta,
				       .fields = fields,
				       .skew_ms = end_comes(meta->copy) ? skew_ms_of(state) : 0,
				       .run = touch_watched };

	return change_entry(state, &change);
}

static void remove_gather(struct redis_call *call, struct key key)
{
	REDIS_COMMAND(call, redis_word("UNLINK"), redis_value_name(call->r, key));
	redis_gather_member(call, call->r->index, key, NULL);
}

/* Without a transaction, which a server without memory left refuses even to begin. */
static int remove_singly(struct redis_call *call, struct key key)
{
	int64_t removed = 0, members;

	remove_gather(call, key);
	int rc = redis_expect_number(call, "UNLINK", &removed);
	int rest = redis_expect_number(call, "ZREMRANGEBYLEX", &members);
	if (rc == 0)
		rc = rest;
	return rc < 0 ? rc : removed > 0 ? 0 : -ENOENT;
}

/* What UNLINK said in a transaction. */
static int removed_of(struct redis_call *call, const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_INTEGER)
		return redis_odd(call, "UNLINK");
	return reply->integer > 0 ? 0 : -ENOENT;
}

int redis_remove(void *state, struct key key)
{
	struct redis *r = state;
	struct rollback_change change = rollback_begin(&r->rollback);
	struct redis_call call;
	redisReply *reply;

	int rc = redis_call_begin(&call, r, REDIS_WRITES);
	if (rc < 0)
		return rc;
	if (is_reserved(r, key))
		return redis_call_end(&call, -ENOENT);
	REDIS_COMMAND(&call, redis_word("MULTI"));
	remove_gather(&call, key);
	rc = redis_exec(&call, 2, &reply);
	if (rc == 0) {
		rc = removed_of(&call, reply->element[0]);
		freeReplyObject(reply);
	} else if (rc == -ENOSPC) {
		rc = remove_singly(&call, key);
	}
	rc = redis_call_end(&call, rc);
	if (rc == 0 || rc == -ENOENT)
		rollback_note_gone(&r->rollback, change, key);
	return rc;
}

static int rename_watched(struct redis_call *call, const struct change *change,
			  struct redis_seen *seen)
{
	struct redis *r = call->r;
	struct redis_member member;

	int rc = redis_member_pack(change->to, &seen->meta, &seen->ends, seen->known, &member);
	if (rc < 0)
		return rc;
	REDIS_COMMAND(call, redis_word("MULTI"));
	/* RENAME would free a large value that is there while everybody waits. */
	REDIS_COMMAND(call, redis_word("UNLINK"), redis_value_name(r, change->to));
	REDIS_COMMAND(call, redis_word("RENAME"), redis_value_name(r, change->from),
		      redis_value_name(r, change->to));
	int queued = 2 + redis_gather_member(call, r->index, change->from, NULL);
	queued += redis_gather_member(call, r->index, change->to, &member);
	rc = redis_exec_skip(call, (size_t)queued);
	free(member.bytes);
	return rc;
}

int redis_rename(void *state, struct key from, struct key to)
{
	const struct change change = { .from = from, .to = to, .run = rename_watched };
	struct meta meta = { 0 };

	if (key_equal(from, to)) {
		int rc = redis_stat(state, from, &meta);
		meta_fini(&meta);
		return rc;
	}
	if (is_reserved(state, from) || is_reserved(state, to))
		return -EACCES;
	return change_entry(state, &change);
}
