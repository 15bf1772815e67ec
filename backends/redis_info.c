/*
 * INFO: how full the server is, and whether an entry that is gone was removed by somebody or
 * dropped by the server itself. See redis_store.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "redis_store.h"

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

/* Another server may have lost anything, and one that has evicted may have evicted anything. */
static void note_keeping(struct redis *r, const char *run_id, uint64_t evicted)
{
	lock_take(&r->pool);
	struct redis_keeping *k = &r->keeping;
	if (run_id[0] == '\0' || strcmp(k->run_id, run_id) != 0 || k->evicted != evicted) {
		memcpy(k->run_id, run_id, sizeof(k->run_id));
		k->evicted = evicted;
		k->since_ms = time_mono_ms(&time_system);
	}
	lock_release(&r->pool);
}

static void take_note(struct redis *r, const char *info, char *run_id)
{
	char version[16];

	info_text(info, "\nrun_id:", run_id, REDIS_RUN_ID);
	info_text(info, "\nredis_version:", version, sizeof(version));
	atomic_store(&r->tells_expiry, atoi(version) >= 7);
	atomic_store(&r->bytes, info_number(info, "\nused_memory:"));
	atomic_store(&r->max_bytes, info_number(info, "\nmaxmemory:"));
	note_keeping(r, run_id, info_number(info, "\nevicted_keys:"));
}

int redis_info_read(struct redis *r, struct redis_link *link, char *run_id)
{
	redisReply *reply;

	memset(run_id, 0, REDIS_RUN_ID);
	redis_link_begin(link, 1);
	redis_link_add(link, redis_word("INFO"));
	int rc = redis_link_reply(link, &reply);
	if (rc < 0)
		return rc;
	if (reply->type == REDIS_REPLY_STRING)
		take_note(r, reply->str, run_id);
	else /* we may not ask */
		note_keeping(r, run_id, 0);
	freeReplyObject(reply);
	return 0;
}

bool redis_kept_all(void *state, int64_t since_ms)
{
	struct redis *r = state;
	struct redis_call call;
	char run_id[REDIS_RUN_ID];

	if (redis_call_begin(&call, r, REDIS_READS) < 0 ||
	    redis_call_end(&call, redis_info_read(r, call.link, run_id)) < 0)
		return false;
	lock_take(&r->pool);
	bool kept = r->keeping.since_ms <= since_ms;
	lock_release(&r->pool);
	return kept;
}
