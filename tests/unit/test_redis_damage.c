/*
 * Redis, its metadata with a flipped bit, or cut off: a get is the value that is there, the entries
 * beside it are untouched, and no key comes into being. LONG=1: 2,000 times.
 */
#include "contract.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/log.h"
#include "registry.h"
#include "damage.h"

enum { PLACES = 60 };

static const char index_name[] = "cachefs:index:accuralai:cache:";

static const struct kept {
	const char *key, *text;
} kept[] = {
	{ "answers/6x7", "{\"text\": \"42\"}" },
	{ "answers/6x", "another" },
	{ "a", "value" },
	{ "a/b", "below" },
	{ "k\377\001", "bytes" },
};

enum { KEPT = sizeof(kept) / sizeof(kept[0]) };

struct damaged {
	struct fixture *f;
	redisContext *other; /* another client of the server */
	redisReply *members;
};

static void run(redisReply *reply)
{
	assert_non_null(reply);
	assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
	freeReplyObject(reply);
}

static void set_up(struct damaged *t)
{
	char path[108];

	t->f = fixture_new(backend_find("redis"));
	for (size_t i = 0; i < KEPT; i++) {
		struct value *value = value_copy(kept[i].text, strlen(kept[i].text));
		struct meta meta = full_meta(value);
		meta.copy = meta.own = end_none(); /* the values are set again without */
		assert_int_equal(t->f->backend->set(t->f->state, key_of(kept[i].key), value, &meta),
				 0);
		meta_fini(&meta);
		value_unref(value);
	}
	close_layer(t->f);
	snprintf(path, sizeof(path), "%s/redis.sock", t->f->dir);
	t->other = redisConnectUnix(path);
	assert_true(t->other && !t->other->err);
	t->members = redisCommand(t->other, "ZRANGE %s 0 -1", index_name);
	assert_non_null(t->members);
	assert_int_equal(t->members->elements, KEPT);
}

static void tear_down(struct damaged *t)
{
	freeReplyObject(t->members);
	redisFree(t->other);
	fixture_free(t->f);
}

/* Everything as it was, but for one member. */
static void restore(struct damaged *t, size_t without)
{
	run(redisCommand(t->other, "FLUSHALL"));
	for (size_t i = 0; i < KEPT; i++) {
		const redisReply *m = t->members->element[i];
		run(redisCommand(t->other, "SET accuralai:cache:%s %s", kept[i].key, kept[i].text));
		if (i != without)
			run(redisCommand(t->other, "ZADD %s 0 %b", index_name, m->str, m->len));
	}
}

static bool is_of(const redisReply *member, const char *key)
{
	return member->len > strlen(key) && strcmp(member->str, key) == 0;
}

/* The damaged one may be a miss, or have lost its metadata. */
static void check_get(struct damaged *t, const struct kept *k, bool harmed, const struct damage *d)
{
	struct value *value = NULL;
	struct meta meta = { 0 };
	size_t size = strlen(k->text);
	char bytes[64];
	int rc = t->f->backend->get(t->f->state, key_of(k->key), &value, &meta);

	if (rc != 0 && (!harmed || rc != -ENOENT))
		fail_msg("%s: %s: %s", d->text, k->key, strerror(-rc));
	if (rc == 0 && (value_size(value) != size || meta.size != size ||
			value_read(value, bytes, sizeof(bytes), 0) != (ssize_t)size ||
			memcmp(bytes, k->text, size) != 0))
		fail_msg("%s: wrong bytes for %s", d->text, k->key);
	if (rc == 0 && meta.version != 0 && meta.ino != UINT64_MAX - 5)
		fail_msg("%s: wrong metadata for %s", d->text, k->key);
	if (!harmed && meta.version == 0)
		fail_msg("%s: %s has lost its metadata", d->text, k->key);
	meta_fini(&meta);
	value_unref(value);
}

static void expect_known(const char *dir, struct key name, const struct damage *d)
{
	char key[512];

	snprintf(key, sizeof(key), "%s%s%.*s", dir, *dir ? "/" : "", (int)name.size, name.bytes);
	for (size_t i = 0; i < KEPT; i++)
		if (strcmp(kept[i].key, key) == 0)
			return;
	fail_msg("%s: %s is listed", d->text, key);
}

static void check_names(struct damaged *t, const char *dir, const struct damage *d)
{
	static struct children batch;

	list_after(t->f, dir, "", false, &batch);
	assert_true(batch.end);
	for (size_t i = 0; i < batch.count; i++)
		if (!batch.items[i].is_dir)
			expect_known(dir, batch.items[i].name, d);
	children_fini(&batch);
}

/* One member damaged; listed first, or got first. */
static void try(struct damaged *t, struct damage *d)
{
	size_t which = damage_below(d, KEPT);
	const redisReply *member = t->members->element[which];
	bool list_first = damage_below(d, 2);
	char *bytes = malloc(member->len + 1);

	assert_non_null(bytes);
	memcpy(bytes, member->str, member->len + 1);
	size_t left = damage_do(d, member->str, bytes, member->len);
	restore(t, which);
	run(redisCommand(t->other, "ZADD %s 0 %b", index_name, bytes, left));
	free(bytes);

	open_layer(t->f);
	for (int round = 0; round < 2; round++) {
		if ((round == 0) == list_first) {
			check_names(t, "", d);
			check_names(t, "answers", d);
			check_names(t, "a", d);
			continue;
		}
		for (size_t i = 0; i < KEPT; i++)
			check_get(t, &kept[i], is_of(member, kept[i].key), d);
	}
	put(t->f, "new", "fresh");
	expect(t->f, "new", "fresh");
	close_layer(t->f);
}

static void damaged_metadata_is_never_a_wrong_value(void **state)
{
	struct damaged t = { 0 };
	struct damage d;

	(void)state;
	set_up(&t);
	damage_start(&d, PLACES);
	while (damage_next(&d))
		try(&t, &d);
	tear_down(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_metadata_is_never_a_wrong_value),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
