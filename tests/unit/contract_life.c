/* Cases: expiry, threads, limits and durability. */
#include "contract.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- expiry ----------------------------------------------------------------------------------- */

static void an_expired_entry_is_never_shown(struct fixture *f)
{
	int64_t now = f->now_ms;
	struct meta later = { .copy = end_make(END_MOMENT, now + 100000) };

	put_until(f, "d/k", now + 1000);
	put_until(f, "d/longer", now + 5000);
	put_until(f, "e/k", now + 1000);
	put_until(f, "j", now + 1000);
	put(f, "never", "v");
	f->now_ms = now + 999;
	expect(f, "d/k", "d/k");
	assert_string_equal(names_in(f, ""), "d/ e/ j never");
	f->now_ms = now + 1000;
	assert_string_equal(names_in(f, ""), "d/ never");
	assert_string_equal(names_in(f, "d"), "longer");
	assert_false(dir_exists(f, "e"));
	assert_int_equal(f->backend->touch(f->state, key_of("d/k"), &later, META_EXPIRY), -ENOENT);
	assert_int_equal(f->backend->rename(f->state, key_of("j"), key_of("never")), -ENOENT);
	expect_miss(f, "d/k");
	expect_miss(f, "j");
	assert_int_equal(f->backend->rename_prefix(f->state, key_of("e"), key_of("e2")), 0);
	assert_false(dir_exists(f, "e2"));
	put(f, "j", "new");
	f->now_ms = now + (int64_t)1000 * 60 * 60 * 24 * 36500;
	expect(f, "j", "new");
	expect(f, "never", "v");
	expect_miss(f, "d/longer");
}

static void touch_changes_when_it_expires(struct fixture *f)
{
	int64_t now = f->now_ms;
	struct meta meta = { .copy = end_make(END_MOMENT, now + 10) };

	put(f, "a", "v");
	put_until(f, "b", now + 10);
	put_until(f, "c", now + 10);
	put_until(f, "d", now);
	expect_miss(f, "d");
	assert_int_equal(f->backend->touch(f->state, key_of("a"), &meta, META_EXPIRY), 0);
	meta.copy = end_none();
	assert_int_equal(f->backend->touch(f->state, key_of("b"), &meta, META_EXPIRY), 0);
	assert_int_equal(f->backend->rename(f->state, key_of("c"), key_of("c2")), 0);
	f->now_ms = now + 10;
	expect_miss(f, "a");
	expect_miss(f, "c2");
	expect(f, "b", "b");
}

static uint64_t entries_now(struct fixture *f)
{
	struct layer_usage usage = { 0 };

	f->backend->usage(f->state, &usage);
	return usage.entries;
}

static void expired_entries_are_removed_in_passing_or_when_touched(struct fixture *f)
{
	int64_t now = f->now_ms;

	if (!has_option(f, "eager_expiry"))
		skip();
	for (int eager = 1; eager >= 0; eager--) {
		reopen_with(f, "eager_expiry", eager ? "true" : "false");
		f->gone = 0;
		f->now_ms = now;
		put_until(f, "a", now + 1);
		put_until(f, "b", now + 2);
		put(f, "c", "v");
		f->now_ms = now + 1;
		expect(f, "c", "v");
		assert_int_equal(f->gone, eager ? 1 : 0);
		expect_miss(f, "a");
		assert_int_equal(f->gone, 1);
		f->now_ms = now + 2;
		assert_string_equal(names_in(f, ""), "c");
		assert_int_equal(f->gone, 2);
		assert_int_equal(entries_now(f), 1);
	}
}

/* --- threads ---------------------------------------------------------------------------------- */

/* What the threads of a case share. cmocka's asserts are for the main thread: they only note. */
struct race {
	struct fixture *f;
	atomic_bool stop;
	atomic_uint torn, gets;
};

static const char *const race_keys[] = { "race/a", "race/b" };

/* Writes 64-bit words that all say the version. */
static void race_set(struct race *r, const char *key, uint64_t version)
{
	size_t words = version % 20 == 0 ? 256 * KIB : 1 + version % 5000;
	uint64_t *bytes = malloc(words * 8);

	for (size_t i = 0; i < words; i++)
		bytes[i] = version;
	struct value *value = value_adopt(bytes, words * 8);
	struct meta meta = { .size = words * 8, .version = version, .mode = S_IFREG | 0600 };
	if (value_checksum(value, &meta.checksum) != 0 ||
	    r->f->backend->set(r->f->state, key_of(key), value, &meta) != 0)
		atomic_fetch_add(&r->torn, 1000);
	value_unref(value);
}

static void *race_writer(void *argument)
{
	struct race *r = argument;
	static atomic_int next;
	const char *key = race_keys[atomic_fetch_add(&next, 1) % 2];

	for (uint64_t version = 1; version <= 200; version++) {
		race_set(r, key, version);
		if (version % 50 == 0)
			r->f->backend->remove(r->f->state, key_of(key));
	}
	return NULL;
}

static bool race_value_is_whole(struct value *value, const struct meta *meta)
{
	size_t size = value_size(value);
	uint64_t *words = malloc(size + 8);
	bool whole = meta->size == size && value_read(value, words, size, 0) == (ssize_t)size;

	for (size_t i = 0; whole && i < size / 8; i++)
		whole = words[i] == meta->version;
	free(words);
	return whole;
}

static void *race_reader(void *argument)
{
	struct race *r = argument;

	for (unsigned i = 0; !atomic_load(&r->stop); i++) {
		struct value *value = NULL;
		struct meta meta = { 0 };
		int rc = r->f->backend->get(r->f->state, key_of(race_keys[i % 2]), &value, &meta);
		if (rc == -ENOENT)
			continue;
		if (rc != 0 || !race_value_is_whole(value, &meta))
			atomic_fetch_add(&r->torn, 1);
		atomic_fetch_add(&r->gets, 1);
		value_unref(value);
		meta_fini(&meta);
	}
	return NULL;
}

static void *race_lister(void *argument)
{
	struct race *r = argument;
	struct children *batch = calloc(1, sizeof(*batch));
	struct layer_usage usage;

	while (!atomic_load(&r->stop)) {
		children_clear(batch);
		int rc = r->f->backend->list(r->f->state, key_of("race"), KEY_ROOT, false, batch);
		if (rc != 0 || batch->count > 2)
			atomic_fetch_add(&r->torn, 1);
		r->f->backend->usage(r->f->state, &usage);
	}
	children_fini(batch);
	free(batch);
	return NULL;
}

static void readers_never_see_a_torn_value(struct fixture *f)
{
	void *(*const bodies[])(void *) = {
		race_writer, race_writer, race_reader, race_reader, race_lister,
	};
	struct race race = { .f = f };
	pthread_t threads[5];

	for (int i = 0; i < 5; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, bodies[i], &race), 0);
	for (int i = 0; i < 5; i++) {
		if (i == 2)
			atomic_store(&race.stop, true);
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(race.torn, 0);
}

/* --- limits and durability -------------------------------------------------------------------- */

static void max_entries_holds(struct fixture *f)
{
	struct layer_usage usage;
	char key[16];

	if (!has_option(f, "max_entries"))
		skip();
	reopen_with(f, "max_entries", "3");
	make_dir(f, "d");
	for (int i = 0; i < 10; i++) {
		snprintf(key, sizeof(key), "d/%d", i);
		put(f, key, "v");
		f->backend->usage(f->state, &usage);
		assert_int_equal(usage.entries, i < 3 ? i + 1 : 3);
	}
	assert_string_equal(names_in(f, "d"), "7 8 9");
	assert_int_equal(f->gone, 7);
	assert_int_equal(usage.evictions, 7);
	expect(f, "d/7", "v");
	put(f, "d/x", "v");
	assert_string_equal(names_in(f, "d"), "7 9 x");
	put(f, "d/7", "rewritten");
	assert_string_equal(names_in(f, "d"), "7 9 x");
}

static uint64_t hits_of(struct fixture *f, const char *key)
{
	struct meta meta = { 0 };

	assert_int_equal(f->backend->stat(f->state, key_of(key), &meta), 0);
	uint64_t hits = meta.hits;
	meta_fini(&meta);
	return hits;
}

static void a_peek_is_the_value_without_a_trace(struct fixture *f)
{
	struct value *value = NULL;
	struct meta meta = { 0 };

	if (!f->backend->peek)
		skip();
	put(f, "k", "text");
	put_until(f, "soon", f->now_ms + 10);
	expect(f, "k", "text");
	uint64_t hits = hits_of(f, "k");
	assert_int_equal(f->backend->peek(f->state, key_of("k"), &value, &meta), 0);
	assert_int_equal(value_size(value), 4);
	assert_int_equal(meta.size, 4);
	assert_int_equal(meta.hits, hits);
	value_unref(value);
	meta_fini(&meta);
	assert_int_equal(hits_of(f, "k"), hits);
	f->now_ms += 10;
	assert_int_equal(f->backend->peek(f->state, key_of("soon"), &value, &meta), -ENOENT);
	assert_int_equal(f->backend->peek(f->state, key_of("absent"), &value, &meta), -ENOENT);
}

static void a_peek_does_not_save_from_eviction(struct fixture *f)
{
	struct value *value = NULL;
	struct meta meta = { 0 };

	if (!f->backend->peek || !has_option(f, "max_entries"))
		skip();
	reopen_with(f, "max_entries", "2");
	put(f, "a", "v");
	put(f, "b", "v");
	assert_int_equal(f->backend->peek(f->state, key_of("a"), &value, &meta), 0);
	value_unref(value);
	meta_fini(&meta);
	put(f, "c", "v");
	assert_string_equal(names_in(f, ""), "b c");
}

static void bytes_stay_below(struct fixture *f, const char *option, const char *json,
			     uint64_t limit)
{
	char *bytes = pattern(limit + 1, 3), key[16];
	struct layer_usage usage;

	reopen_with(f, option, json);
	put(f, "old", "old");
	struct value *large = value_copy(bytes, limit + 1);
	struct meta meta = meta_for(large);
	assert_int_equal(f->backend->set(f->state, key_of("old"), large, &meta), -EFBIG);
	assert_int_equal(f->backend->set(f->state, key_of("new"), large, &meta), -EFBIG);
	expect(f, "old", "old");
	value_unref(large);
	for (int i = 0; i < 64; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		put_bytes(f, key_of(key), bytes, limit / 10);
		expect_bytes(f, key_of(key), bytes, limit / 10);
		f->backend->usage(f->state, &usage);
		assert_int_equal(usage.max_bytes, limit);
		assert_in_range(usage.bytes, limit / 10, limit);
	}
	assert_in_range(usage.entries, 4, 10);
	free(bytes);
}

static void the_byte_limit_holds(struct fixture *f)
{
	if (has_option(f, "max_bytes"))
		bytes_stay_below(f, "max_bytes", "100000", 100000);
	else if (has_option(f, "size_limit_mb"))
		bytes_stay_below(f, "size_limit_mb", "4", 4 * MIB);
	else
		skip();
}

static void usage_follows_the_entries(struct fixture *f)
{
	struct layer_usage before = { 0 }, full = { 0 }, after = { 0 };

	f->backend->usage(f->state, &before);
	assert_int_equal(before.entries, 0);
	put(f, "a", "1");
	put(f, "a", "2");
	put(f, "d/b", "3");
	assert_int_equal(f->backend->sync(f->state), 0);
	f->backend->usage(f->state, &full);
	assert_int_equal(full.entries, 2);
	f->backend->remove(f->state, key_of("a"));
	f->backend->remove_prefix(f->state, key_of("d/"));
	f->backend->usage(f->state, &after);
	assert_int_equal(after.entries, 0);
	assert_int_equal(f->gone, 0);
}

static void a_durable_layer_comes_back_as_it_was(struct fixture *f)
{
	if (!f->backend->durable)
		skip();
	char *bytes = pattern(3 * MIB, 8);
	struct value *value = value_copy("target", 6);
	struct meta meta = full_meta(value);

	put(f, "d/k", "v");
	put(f, "gone", "v");
	put_bytes(f, key_of("big"), bytes, 3 * MIB);
	put_until(f, "soon", f->now_ms + 1000);
	make_dir(f, "empty");
	assert_int_equal(f->backend->set(f->state, key_of("full"), value, &meta), 0);
	assert_int_equal(f->backend->remove(f->state, key_of("gone")), 0);
	assert_int_equal(f->backend->rename(f->state, key_of("d/k"), key_of("d/j")), 0);
	for (int round = 0; round < 2; round++) {
		close_layer(f);
		open_layer(f);
		expect(f, "d/j", "v");
		expect_bytes(f, key_of("big"), bytes, 3 * MIB);
		expect_stat(f, "full", &meta);
		expect_miss(f, "gone");
		const char *names = round ? "big d/ empty/ full" : "big d/ empty/ full soon";
		assert_string_equal(names_in(f, ""), names);
		f->now_ms += 1000;
	}
	meta_fini(&meta);
	value_unref(value);
	free(bytes);
}

const struct contract_case contract_life[] = {
	CONTRACT_CASE(an_expired_entry_is_never_shown),
	CONTRACT_CASE(touch_changes_when_it_expires),
	CONTRACT_CASE(expired_entries_are_removed_in_passing_or_when_touched),
	CONTRACT_CASE(readers_never_see_a_torn_value),
	CONTRACT_CASE(max_entries_holds),
	CONTRACT_CASE(a_peek_is_the_value_without_a_trace),
	CONTRACT_CASE(a_peek_does_not_save_from_eviction),
	CONTRACT_CASE(the_byte_limit_holds),
	CONTRACT_CASE(usage_follows_the_entries),
	CONTRACT_CASE(a_durable_layer_comes_back_as_it_was),
	{ 0 },
};
