/* What the server reports of itself. See redis/info.h. */
#include "redis/info.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

void redis_server_init(struct redis_server *s, const struct backend_env *env,
		       struct rollback *rollback)
{
	*s = (struct redis_server){ .layer_name = env->layer_name,
				    .time = env->time,
				    .rollback = rollback };
	lock_init(&s->lock, RANK_LAYER_INNER);
}

void redis_server_fini(struct redis_server *s)
{
	lock_fini(&s->lock);
}

/* A line "name:text" of INFO, its text into buffer; "" if there is none. */
static void info_text(const char *info, const char *name, char *buffer, size_t size)
{
	const char *at = strstr(info, name);

	buffer[0] = '\0';
	if (!at)
		return;
	at += strlen(name);
	size_t length = strcspn(at, "\r\n");
	if (length >= size)
		length = size - 1;
	memcpy(buffer, at, length);
	buffer[length] = '\0';
}

static uint64_t info_number(const char *info, const char *name)
{
	char text[32];

	info_text(info, name, text, sizeof(text));
	return strtoull(text, NULL, 10);
}

/* Another server, or one that took over another's data, may have lost anything, and one that has
 * evicted may have evicted anything. */
static void note_keeping(struct redis_server *s, const struct redis_keeping *now)
{
	lock_take(&s->lock);
	struct redis_keeping *k = &s->keeping;
	bool same = strcmp(k->run_id, now->run_id) == 0 && strcmp(k->history, now->history) == 0;
	if (!same && k->run_id[0] != '\0')
		rollback_suspect(s->rollback);
	if (!same || now->run_id[0] == '\0' || k->evicted != now->evicted) {
		*k = *now;
		k->since_ms = time_mono_ms(s->time);
	}
	lock_release(&s->lock);
}

/* Whether a look at a value cannot make it live longer: our connections say so to servers since
 * 7.2; an older one has to evict by use for that. */
static bool spares_recency(const char *info, const char *version)
{
	const char *minor = strchr(version, '.');
	char policy[32];

	info_text(info, "\nmaxmemory_policy:", policy, sizeof(policy));
	return atoi(version) > 7 || (atoi(version) == 7 && minor && atoi(minor + 1) >= 2) ||
	       info_number(info, "\nmaxmemory:") == 0 ||
	       (!strstr(policy, "lru") && !strstr(policy, "lfu"));
}

/* The index has no expiry: a policy that spares such keys spares it. */
static void warn_of_policy(struct redis_server *s, const char *info)
{
	char policy[32];

	info_text(info, "\nmaxmemory_policy:", policy, sizeof(policy));
	bool evicts = strncmp(policy, "allkeys-", 8) == 0 && info_number(info, "\nmaxmemory:") != 0;
	if (evicts && !atomic_exchange(&s->evicts_index, true))
		log_warning("redis: layer \"%s\": maxmemory-policy is %s, which can evict the "
			    "modes and "
			    "owners of all entries: they are the mount owner's then, with "
			    "foreign_mode; volatile-* spares them",
			    s->layer_name, policy);
	if (!evicts)
		atomic_store(&s->evicts_index, false);
}

enum { CLOCKS_AGREE_MS = 1000 }; /* the answer has been under way for a while */

/* Expiries are the server's to carry out, by its clock; which is a real one, so it is compared with
 * the system's. */
static void note_clock(struct redis_server *s, const char *info)
{
	int64_t server_ms = (int64_t)(info_number(info, "\nserver_time_usec:") / 1000);
	int64_t skew_ms = server_ms - time_steady_ms(&time_system);

	if (skew_ms <= CLOCKS_AGREE_MS && skew_ms >= -CLOCKS_AGREE_MS)
		skew_ms = 0;
	atomic_store(&s->skew_ms, skew_ms);
	atomic_store(&s->our_skew_ms, time_skew_ms());
	atomic_store(&s->tells_clock, server_ms != 0);
}

static void take_note(struct redis_server *s, const char *info, struct redis_keeping *now)
{
	char version[16];

	info_text(info, "\nrun_id:", now->run_id, sizeof(now->run_id));
	info_text(info, "\nmaster_replid:", now->history, sizeof(now->history));
	now->evicted = info_number(info, "\nevicted_keys:");
	info_text(info, "\nredis_version:", version, sizeof(version));
	atomic_store(&s->tells_expiry, atoi(version) >= 7);
	warn_of_policy(s, info);
	note_clock(s, info);
	atomic_store(&s->spares_recency, spares_recency(info, version));
	atomic_store(&s->bytes, info_number(info, "\nused_memory:"));
	atomic_store(&s->max_bytes, info_number(info, "\nmaxmemory:"));
}

int redis_info_read(struct redis_server *s, struct redis_link *link, char *run_id)
{
	struct redis_keeping now = { 0 }; /* it stays so if we may not ask */
	redisReply *reply;

	assert(redis_link_is_even(link));
	REDIS_LINK_COMMAND(link, redis_word("INFO"));
	int rc = redis_link_reply(link, &reply);
	if (rc < 0)
		return rc;
	if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_ERROR) {
		link->odd = true;
		freeReplyObject(reply);
		return -EIO;
	}
	if (reply->type == REDIS_REPLY_STRING)
		take_note(s, reply->str, &now);
	note_keeping(s, &now);
	if (run_id)
		memcpy(run_id, now.run_id, REDIS_RUN_ID);
	freeReplyObject(reply);
	return 0;
}

bool redis_server_kept_all(struct redis_server *s, int64_t since_ms)
{
	lock_take(&s->lock);
	bool kept = s->keeping.since_ms <= since_ms;
	lock_release(&s->lock);
	return kept;
}

bool redis_server_clock_was_set(const struct redis_server *s)
{
	int64_t set_ms = time_skew_ms() - atomic_load(&s->our_skew_ms);

	return atomic_load(&s->tells_clock) &&
	       (set_ms > CLOCKS_AGREE_MS || set_ms < -CLOCKS_AGREE_MS);
}

int64_t redis_server_skew_ms(const struct redis_server *s)
{
	return atomic_load(&s->tells_clock) ? atomic_load(&s->skew_ms) : time_skew_ms();
}
