/* The state of one key in the server. See redis/look.h. */
#include "redis/look.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "redis/command.h"

/* What is asked for, in that order; the clock only of a server that does not tell expiries. */
enum { LOOK_MEMBERS, LOOK_BYTES, LOOK_EXPIRY, LOOK_CLOCK, LOOK_REPLIES = 5 };

/* Between what remains and the clock, which such a server tells one after the other. */
enum { EXPIRY_SLACK_MS = 250 };

void redis_seen_fini(struct redis_seen *seen)
{
	meta_fini(&seen->meta);
	value_unref(seen->value);
	*seen = (struct redis_seen){ 0 };
}

/* Returns how many commands. Our connections leave recency alone (redis/greeting.h), but for
 * TOUCH. */
static int look_gather(struct redis_call *call, struct key key, enum redis_look look)
{
	struct redis *r = call->r;
	int count = LOOK_CLOCK;

	REDIS_COMMAND(call, redis_word("ZRANGEBYLEX"), redis_bytes(r->index), redis_from(key),
		      redis_to(key), redis_word("LIMIT"), redis_word("0"), redis_word("8"));
	REDIS_COMMAND(call, redis_word(look == REDIS_LOOK_SIZE ? "STRLEN" : "GET"),
		      redis_value_name(r, key));
	call->link->value_bytes = look == REDIS_LOOK_SIZE ? 0 : REDIS_VALUE_MAX;
	call->tells_expiry = atomic_load(&r->server.tells_expiry);
	REDIS_COMMAND(call, redis_word(call->tells_expiry ? "PEXPIRETIME" : "PTTL"),
		      redis_value_name(r, key));
	if (!call->tells_expiry) {
		REDIS_COMMAND(call, redis_word("TIME"));
		count++;
	}
	if (look == REDIS_LOOK_GET) {
		REDIS_COMMAND(call, redis_word("TOUCH"), redis_value_name(r, key));
		count++;
	}
	return count;
}

/* What TIME says, in milliseconds: seconds and microseconds. */
static int64_t clock_ms(const struct redis *r, const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_STRING)
		return time_wall_ms(r->env->time);
	long long seconds = strtoll(reply->element[0]->str, NULL, 10);
	if (seconds < 0 || seconds > META_SECONDS_MAX)
		return time_wall_ms(r->env->time);
	return seconds * 1000 + strtoll(reply->element[1]->str, NULL, 10) / 1000;
}

/* Whether the replies are of the types that were asked for: a value, or its size, or that there is
 * none of ours; and numbers that can be. */
static bool is_look(redisReply **replies, enum redis_look look)
{
	const redisReply *bytes = replies[LOOK_BYTES], *expiry = replies[LOOK_EXPIRY];
	bool size = look == REDIS_LOOK_SIZE;

	if (replies[LOOK_MEMBERS]->type != REDIS_REPLY_ERROR && /* another program has its name */
	    !redis_is_list(replies[LOOK_MEMBERS]))
		return false;
	if (bytes->type != REDIS_REPLY_ERROR &&
	    bytes->type != (size ? REDIS_REPLY_INTEGER : REDIS_REPLY_STRING) &&
	    (size || bytes->type != REDIS_REPLY_NIL))
		return false;
	if (size && bytes->type == REDIS_REPLY_INTEGER &&
	    (bytes->integer < 0 || bytes->integer > REDIS_COUNT_MAX))
		return false;
	return expiry->type == REDIS_REPLY_INTEGER && expiry->integer >= -2 &&
	       expiry->integer <= REDIS_COUNT_MAX;
}

bool redis_is_old(struct redis *r, struct key key, const struct meta *meta)
{
	bool old = rollback_is_old(&r->rollback, key, meta);

	if (old)
		redis_came_back(&r->said, atomic_load(&r->rollback.life), key);
	return old;
}

bool redis_same_expiry(const struct redis_call *call, int64_t a_ms, int64_t b_ms)
{
	int64_t slack_ms = call->tells_expiry ? 0 : EXPIRY_SLACK_MS;

	return (a_ms == 0) == (b_ms == 0) && a_ms - b_ms <= slack_ms && b_ms - a_ms <= slack_ms;
}

/* The value's own facts: it is as if another program had written it just now. */
static int look_value(struct redis_call *call, redisReply **replies, struct redis_seen *seen)
{
	redisReply *bytes = replies[LOOK_BYTES];
	long long expiry = replies[LOOK_EXPIRY]->integer;
	struct meta *meta = &seen->meta;

	if (expiry == -2 ||
	    (bytes->type != REDIS_REPLY_STRING && bytes->type != REDIS_REPLY_INTEGER))
		return 0; /* none, or none of ours */
	if (expiry >= 0 && !call->tells_expiry)
		expiry += clock_ms(call->r, replies[LOOK_CLOCK]);
	if (expiry >= 0)
		meta->copy = meta->own = end_make(END_MOMENT, expiry);
	seen->ends = end_record_of(meta->copy, meta->own, 0);
	meta->ctime = meta->mtime = time_now();
	if (bytes->type == REDIS_REPLY_INTEGER) {
		meta->size = (uint64_t)bytes->integer;
	} else {
		/* The parser's copy becomes the value: no more copies of large ones. */
		seen->value = value_adopt(bytes->str, bytes->len);
		bytes->str = NULL;
		if (!seen->value)
			return -ENOMEM;
		meta->size = value_size(seen->value);
		int rc = value_checksum(seen->value, &meta->checksum);
		if (rc < 0)
			return rc;
		seen->known = true;
	}
	seen->has_value = true;
	return 0;
}

/* Whether metadata of the index is this value's. */
static bool member_fits(const struct redis_call *call, const struct redis_seen *seen,
			const struct meta *meta, const struct end_record *ends, bool known)
{
	if (meta->size != seen->meta.size ||
	    !redis_same_expiry(call, ends->expires_ms, seen->ends.expires_ms))
		return false;
	return !known || !seen->value || meta->checksum == seen->meta.checksum;
}

static void member_use(struct redis_seen *seen, struct meta *meta, const struct end_record *ends,
		       bool known)
{
	uint64_t checksum = seen->meta.checksum;

	seen->ends = *ends;
	meta_move(&seen->meta, meta);
	seen->fits = true;
	seen->learned = seen->value && !known;
	if (seen->learned)
		seen->meta.checksum = checksum;
	seen->known = known || seen->value;
}

/* Of the value that another program overwrote. */
static void member_use_owner(struct redis_seen *seen, const struct meta *meta)
{
	if (meta->version < seen->kept_version)
		return;
	seen->kept_version = meta->version;
	meta_keep_owner(&seen->meta, meta);
}

/* Of another value: but the expiry that it has is what this one was given (APPEND, KEEPTTL). */
static void member_use_ends(struct redis_seen *seen, const struct meta *meta,
			    const struct end_record *ends)
{
	seen->ends = *ends;
	seen->meta.copy = meta->copy;
	seen->meta.own = meta->own;
}

static int look_members(struct redis_call *call, struct key key, const redisReply *members,
			struct redis_seen *seen)
{
	for (size_t i = 0; i < members->elements; i++) {
		const redisReply *m = members->element[i];
		struct meta meta = { 0 };
		struct end_record ends;
		struct key of;
		bool known;

		seen->has_members = true;
		int rc = redis_member_unpack(key_make(m->str, m->len), &of, &meta, &ends, &known);
		if (rc == -ENOMEM)
			return rc;
		if (rc < 0)
			redis_damaged(&call->r->said, key, "damaged metadata");
		else if (seen->has_value && key_equal(of, key) &&
			 (!seen->fits || meta.version > seen->meta.version) &&
			 member_fits(call, seen, &meta, &ends, known))
			member_use(seen, &meta, &ends, known);
		else if (seen->has_value && key_equal(of, key) && !seen->fits) {
			member_use_owner(seen, &meta);
			if (seen->ends.expires_ms != 0 &&
			    redis_same_expiry(call, ends.expires_ms, seen->ends.expires_ms))
				member_use_ends(seen, &meta, &ends);
		}
		meta_fini(&meta);
	}
	return 0;
}

static void check_seen(const struct redis_seen *seen)
{
	assert(seen->has_value ? !seen->old : !seen->value || seen->old);
	assert(!seen->fits || seen->has_members);
	assert(!seen->old || seen->fits);
	assert(!seen->value || seen->known);
	assert(!seen->learned || (seen->fits && seen->value));
	(void)seen;
}

static int look_read(struct redis_call *call, struct key key, enum redis_look look,
		     redisReply **replies, struct redis_seen *seen)
{
	if (!is_look(replies, look))
		return redis_odd(call, look == REDIS_LOOK_SIZE ? "a look at a value" : "GET");
	int rc = look_value(call, replies, seen);

	if (rc == 0 && replies[LOOK_MEMBERS]->type == REDIS_REPLY_ARRAY)
		rc = look_members(call, key, replies[LOOK_MEMBERS], seen);
	if (rc == 0 && seen->fits && redis_is_old(call->r, key, &seen->meta)) {
		seen->old = true;
		seen->has_value = false;
	}
	if (rc < 0)
		redis_seen_fini(seen);
	check_seen(seen);
	return rc;
}

/* Receives what was gathered outside of a transaction. */
static int look_receive(struct redis_call *call, struct key key, enum redis_look look, int count,
			struct redis_seen *seen)
{
	redisReply *replies[LOOK_REPLIES] = { 0 };
	int rc = 0;

	for (int i = 0; i < count && !call->link->broken; i++) {
		int one = redis_link_reply(call->link, &replies[i]);
		if (rc == 0)
			rc = one;
	}
	if (call->link->broken)
		rc = -EHOSTDOWN;
	for (int i = 0; i < count && rc == 0; i++)
		if (i != LOOK_BYTES)
			rc = redis_error(call, replies[i]);
	if (rc == 0)
		rc = look_read(call, key, look, replies, seen);
	for (int i = 0; i < count; i++)
		if (replies[i])
			freeReplyObject(replies[i]);
	return rc;
}

/*
 * Value and metadata of one moment. 0, also when there is none; or -errno. A server without memory
 * left refuses whatever is queued for a transaction; then it is two moments, and a set in between
 * makes the value look foreign for once.
 */
static int look_at_once(struct redis_call *call, struct key key, enum redis_look look,
			struct redis_seen *seen)
{
	redisReply *reply;

	REDIS_COMMAND(call, redis_word("MULTI"));
	int count = look_gather(call, key, look);
	int rc = redis_exec(call, (size_t)count, &reply);
	if (rc == -ENOSPC)
		return look_receive(call, key, look, look_gather(call, key, look), seen);
	if (rc < 0)
		return rc;
	rc = look_read(call, key, look, reply->element, seen);
	freeReplyObject(reply);
	return rc;
}

/* The same from now on: a transaction that follows fails if the value changes in between. */
int redis_look_and_watch(struct redis_call *call, struct key key, struct redis_seen *seen)
{
	REDIS_COMMAND(call, redis_word("WATCH"), redis_value_name(call->r, key));
	int count = look_gather(call, key, REDIS_LOOK_SIZE);
	int rc = redis_expect_status(call, "WATCH", "OK");
	int read = look_receive(call, key, REDIS_LOOK_SIZE, count, seen);
	return rc < 0 ? rc : read;
}

/* --- what others left behind ------------------------------------------------------------------ */

/* Gathers the commands that replace a key's members by one; meta NULL: by none. Returns how many.
 */
int redis_gather_member(struct redis_call *call, struct key set, struct key key,
			const struct redis_member *member)
{
	REDIS_COMMAND(call, redis_word("ZREMRANGEBYLEX"), redis_bytes(set), redis_from(key),
		      redis_to(key));
	if (!member)
		return 1;
	REDIS_COMMAND(call, redis_word("ZADD"), redis_bytes(set), redis_word("0"),
		      redis_bytes(key_make(member->bytes, member->size)));
	return 2;
}

/* Writes down what was seen; or that nothing is there, which then holds. */
static int write_seen(struct redis_call *call, struct key key, const struct redis_seen *seen,
		      bool keep)
{
	struct redis_member member = { 0 };
	int rc = keep ? redis_member_pack(key, &seen->meta, &seen->ends, seen->known, &member) : 0;
	int queued = 0;

	if (rc < 0)
		return rc;
	REDIS_COMMAND(call, redis_word("MULTI"));
	if (seen->old) {
		REDIS_COMMAND(call, redis_word("UNLINK"), redis_value_name(call->r, key));
		queued++;
	}
	queued += redis_gather_member(call, call->r->index, key, keep ? &member : NULL);
	rc = redis_exec_skip(call, (size_t)queued);
	free(member.bytes);
	return rc;
}

/* Whether there is another value than was seen, or another daemon has mended its member. */
static bool is_other(const struct redis_call *call, const struct redis_seen *now,
		     const struct redis_seen *seen)
{
	if (now->has_value != seen->has_value || now->old != seen->old ||
	    now->meta.size != seen->meta.size ||
	    !redis_same_expiry(call, now->ends.expires_ms, seen->ends.expires_ms))
		return true;
	if (!now->fits || seen->fits)
		return false;
	/* Its size fits; so does its checksum, if the value's is known? */
	return !seen->value || (now->known && now->meta.checksum == seen->meta.checksum);
}

static bool needs_mending(const struct redis_seen *seen)
{
	if (seen->fits)
		return seen->learned || seen->old;
	return seen->has_value || seen->has_members;
}

/*
 * Brings the index in line with the value that was seen: adopts a foreign one, forgets one that is
 * gone, and drops one that is of before. 0 with the metadata that is written down now; -EAGAIN: the
 * value is another one by now.
 */
static int mend(struct redis *r, struct key key, struct redis_seen *seen, int64_t start_ms)
{
	struct redis_seen now = { 0 };
	struct redis_call call;
	bool keep = seen->has_value && (seen->fits || r->conf->foreign_writers);

	if (atomic_load(&r->said.refuses_writes))
		return -EROFS;
	int rc = redis_call_again(&call, r, REDIS_WRITES, start_ms);
	if (rc < 0)
		return rc;
	rc = redis_look_and_watch(&call, key, &now);
	if (rc == 0 && is_other(&call, &now, seen))
		rc = -EAGAIN;
	if (rc == 0)
		rc = write_seen(&call, key, seen, keep);
	if (rc == 0 && keep && !now.has_members)
		atomic_fetch_add(&r->adopted, 1);
	redis_seen_fini(&now);
	return redis_call_end(&call, rc);
}

/* Whether what was seen is an entry; otherwise it is finished. 0 or -ENOENT. */
static int shown(const struct redis *r, struct redis_seen *seen)
{
	if (seen->has_value && (seen->fits || r->conf->foreign_writers) &&
	    !meta_is_expired(&seen->meta, time_instant(r->env->time)))
		return 0;
	redis_seen_fini(seen);
	return -ENOENT;
}

int redis_peek_at(struct redis *r, struct key key, struct redis_seen *seen)
{
	struct redis_call call;

	int rc = redis_call_begin(&call, r, REDIS_READS);
	if (rc == 0)
		rc = redis_call_end(&call, look_at_once(&call, key, REDIS_LOOK_VALUE, seen));
	if (rc < 0)
		return rc;
	if (!seen->fits)
		seen->meta.mtime = seen->meta.ctime = r->opened;
	return shown(r, seen);
}

/* What a key holds after what others did to it has been noted. 0, -ENOENT or -errno. */
int redis_find(struct redis *r, struct key key, enum redis_look look, struct redis_seen *seen)
{
	int64_t start_ms = time_mono_ms(r->env->time);
	struct redis_call call;
	int rc = -EAGAIN;

	for (int i = 0; i < REDIS_TRIES && rc == -EAGAIN; i++) {
		redis_seen_fini(seen);
		rc = redis_call_again(&call, r, REDIS_READS, start_ms);
		if (rc < 0)
			return rc;
		rc = redis_call_end(&call, look_at_once(&call, key, look, seen));
		if (rc < 0)
			return rc;
		if (needs_mending(seen))
			rc = mend(r, key, seen, start_ms);
		if (rc == 0 && (seen->old || (seen->has_members && !seen->fits)))
			r->env->gone(r->env->self, key);
	}
	/* It could not be written down: then nothing may depend on when it was seen. */
	if (rc < 0 && !seen->fits)
		seen->meta.mtime = seen->meta.ctime = r->opened;
	return shown(r, seen);
}

void redis_adopt(struct redis *r, struct key key)
{
	struct redis_seen seen = { 0 };

	redis_find(r, key, REDIS_LOOK_SIZE, &seen);
	redis_seen_fini(&seen);
}
