/* Cases: values, metadata, renames and keys. */
#include "contract.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- values ----------------------------------------------------------------------------------- */

static void a_value_comes_back_exactly(struct fixture *f)
{
	static const size_t sizes[] = { 0, 1, 4096, 256 * KIB, 3 * MIB };

	for (size_t i = 0; i < 5; i++) {
		char *bytes = pattern(sizes[i], (unsigned)i);
		put_bytes(f, key_of("k"), bytes, sizes[i]);
		expect_bytes(f, key_of("k"), bytes, sizes[i]);
		free(bytes);
	}
	put(f, "k", "short again");
	expect(f, "k", "short again");
}

static void every_byte_survives(struct fixture *f)
{
	static const struct {
		const char *bytes;
		size_t size;
	} odd[] = {
		{ "text\0", 5 },       { "\0", 1 },       { "a\0b", 3 },
		{ "\xff\xfe\x80", 3 }, { "\xc0\x80", 2 }, { "\xc3\xa4\xe2\x82\xac", 5 },
		{ "\xed\xa0\x80", 3 }, { "\r\n\r", 3 },   { "{\"a\": 0.10}\n", 12 },
		{ "12", 2 },
	};
	char all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	put_bytes(f, key_of("all"), all, sizeof(all));
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		put_bytes(f, key_of("odd"), odd[i].bytes, odd[i].size);
		expect_bytes(f, key_of("odd"), odd[i].bytes, odd[i].size);
	}
	expect_bytes(f, key_of("all"), all, sizeof(all));
}

static void a_range_of_a_file_is_a_value(struct fixture *f)
{
	static const size_t sizes[] = { 0, 100, 3 * MIB };

	for (size_t i = 0; i < 3; i++) {
		for (off_t offset = 0; offset <= 100; offset += 100) {
			char *bytes = pattern(sizes[i], 9 + (unsigned)offset);
			int fd = temp_fd(f);
			assert_int_equal(pwrite(fd, bytes, sizes[i], offset), sizes[i]);
			assert_int_equal(pwrite(fd, "tail", 4, offset + (off_t)sizes[i]), 4);
			struct value *value = value_from_file(fd, (uint64_t)offset, sizes[i]);
			put_value(f, key_of("file"), value, 0);
			put_value(f, key_of("the same/twice"), value, 0);
			value_unref(value);
			expect_bytes(f, key_of("file"), bytes, sizes[i]);
			put(f, "file", "other");
			expect_bytes(f, key_of("the same/twice"), bytes, sizes[i]);
			free(bytes);
		}
	}
}

static void a_value_outlives_its_entry(struct fixture *f)
{
	char *bytes = pattern(3 * MIB, 1), *got = malloc(3 * MIB);
	struct value *value;
	struct meta meta;

	put_bytes(f, key_of("k"), bytes, 3 * MIB);
	assert_int_equal(f->backend->get(f->state, key_of("k"), &value, &meta), 0);
	put(f, "k", "new");
	assert_int_equal(f->backend->remove(f->state, key_of("k")), 0);
	assert_int_equal(value_read(value, got, 3 * MIB, 0), 3 * MIB);
	assert_memory_equal(got, bytes, 3 * MIB);
	value_unref(value);
	meta_fini(&meta);
	free(bytes);
	free(got);
}

static void an_absent_key_is_a_miss(struct fixture *f)
{
	struct meta meta = { .mode = S_IFREG };

	expect_miss(f, "k");
	expect_miss(f, "d/k");
	assert_int_equal(f->backend->remove(f->state, key_of("k")), -ENOENT);
	assert_int_equal(f->backend->touch(f->state, key_of("k"), &meta, META_MODE), -ENOENT);
	assert_int_equal(f->backend->rename(f->state, key_of("k"), key_of("j")), -ENOENT);
	assert_int_equal(f->backend->remove_prefix(f->state, key_of("d/")), -ENOENT);
	assert_int_equal(f->backend->rename_prefix(f->state, key_of("d"), key_of("e")), 0);
	assert_int_equal(f->backend->dir_remove(f->state, key_of("d")), -ENOENT);
	assert_string_equal(names_in(f, ""), "");
	expect_miss(f, "k");
}

static void a_removed_key_is_a_miss(struct fixture *f)
{
	put(f, "k", "v");
	put(f, "k2", "v2");
	assert_int_equal(f->backend->remove(f->state, key_of("k")), 0);
	expect_miss(f, "k");
	expect(f, "k2", "v2");
	assert_int_equal(f->backend->remove(f->state, key_of("k")), -ENOENT);
	put(f, "k", "again");
	expect(f, "k", "again");
}

/* --- metadata --------------------------------------------------------------------------------- */

static void all_metadata_comes_back(struct fixture *f)
{
	struct value *value = value_copy("target", 6), *got_value;
	struct meta meta = full_meta(value), got = { 0 };

	assert_int_equal(f->backend->set(f->state, key_of("d/k"), value, &meta), 0);
	expect_stat(f, "d/k", &meta);
	assert_int_equal(f->backend->get(f->state, key_of("d/k"), &got_value, &got), 0);
	expect_meta(&got, &meta);
	meta_fini(&got);
	value_unref(got_value);
	assert_int_equal(f->backend->rename(f->state, key_of("d/k"), key_of("j")), 0);
	expect_stat(f, "j", &meta);

	struct children *batch = calloc(1, sizeof(*batch));
	assert_int_equal(f->backend->list(f->state, KEY_ROOT, KEY_ROOT, false, batch), 0);
	assert_int_equal(batch->count, 1);
	expect_meta(&batch->items[0].meta, &meta);
	children_fini(batch);
	free(batch);
	meta_fini(&meta);
	value_unref(value);
}

static void touch_writes_only_the_named_fields(struct fixture *f)
{
	static const unsigned fields[] = {
		META_MODE, META_OWNER, META_TIMES, META_EXPIRY, META_XATTRS,
	};
	struct value *value = value_copy("v", 1);
	struct meta stored = meta_for(value), full = full_meta(value);

	assert_int_equal(f->backend->set(f->state, key_of("k"), value, &stored), 0);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(f->backend->touch(f->state, key_of("k"), &full, fields[i]), 0);
		meta_update(&stored, &full, fields[i]);
		expect_stat(f, "k", &stored);
	}
	struct meta none = { 0 };
	unsigned both = META_XATTRS | META_EXPIRY;
	assert_int_equal(f->backend->touch(f->state, key_of("k"), &none, both), 0);
	meta_update(&stored, &none, both);
	expect_stat(f, "k", &stored);
	expect(f, "k", "v");
	meta_fini(&full);
	meta_fini(&stored);
	value_unref(value);
}

/* What a backend does not fill in by itself: nobody has got it, and it has no time of creation. */
static void set_stores_what_it_is_given(struct fixture *f)
{
	struct value *value = value_copy("v", 1);
	struct meta meta = meta_for(value);

	put(f, "k", "older");
	expect(f, "k", "older");
	meta.hits = 1000;
	assert_int_equal(f->backend->set(f->state, key_of("k"), value, &meta), 0);
	expect_stat(f, "k", &meta);
	meta.hits = 0;
	meta.created_ms = 1;
	assert_int_equal(f->backend->set(f->state, key_of("k"), value, &meta), 0);
	expect_stat(f, "k", &meta);
	value_unref(value);
}

static void a_marker_is_no_entry(struct fixture *f)
{
	struct meta meta = { .mode = S_IFREG | 0600 };

	make_dir(f, "d");
	make_dir(f, "d/e");
	expect_miss(f, "d");
	expect_miss(f, "d/");
	assert_int_equal(f->backend->touch(f->state, key_of("d"), &meta, META_MODE), -ENOENT);
	assert_int_equal(f->backend->remove(f->state, key_of("d")), -ENOENT);
	assert_int_equal(f->backend->rename(f->state, key_of("d"), key_of("n")), -ENOENT);
	put(f, "d", "v");
	assert_int_equal(f->backend->rename(f->state, key_of("d"), key_of("n")), 0);
	assert_string_equal(names_in(f, ""), "d/ n");
	put(f, "d", "v");
	assert_int_equal(f->backend->rename_prefix(f->state, key_of("d"), key_of("m")), 0);
	assert_string_equal(names_in(f, ""), "d m/ n");
	assert_int_equal(f->backend->dir_remove(f->state, key_of("m")), 0);
	assert_true(dir_exists(f, "m")); /* another marker lies below */
}

/* --- renames ---------------------------------------------------------------------------------- */

static void rename_moves_one_entry(struct fixture *f)
{
	put(f, "from", "1");
	put(f, "over", "2");
	put(f, "from/below", "3");
	assert_int_equal(f->backend->rename(f->state, key_of("from"), key_of("d/new")), 0);
	expect_miss(f, "from");
	expect(f, "d/new", "1");
	assert_int_equal(f->backend->rename(f->state, key_of("d/new"), key_of("over")), 0);
	expect_miss(f, "d/new");
	expect(f, "over", "1");
	expect(f, "from/below", "3");
	assert_int_equal(f->backend->rename(f->state, key_of("absent"), key_of("over")), -ENOENT);
	expect(f, "over", "1");
	assert_int_equal(f->backend->rename(f->state, key_of("over"), key_of("over")), 0);
	expect(f, "over", "1");
	assert_string_equal(names_in(f, ""), "from/ over");
}

static void renamed_large_values_stay_whole(struct fixture *f)
{
	char *bytes = pattern(3 * MIB, 5);

	put_bytes(f, key_of("d/big"), bytes, 3 * MIB);
	put(f, "over", "small");
	assert_int_equal(f->backend->rename(f->state, key_of("d/big"), key_of("over")), 0);
	expect_bytes(f, key_of("over"), bytes, 3 * MIB);
	put_bytes(f, key_of("d/big"), bytes, 3 * MIB);
	assert_int_equal(f->backend->rename_prefix(f->state, key_of("d"), key_of("e/f")), 0);
	expect_bytes(f, key_of("e/f/big"), bytes, 3 * MIB);
	free(bytes);
}

/* --- keys ------------------------------------------------------------------------------------- */

static void every_byte_is_a_name(struct fixture *f)
{
	static struct children batch;
	char key[] = "bytes/?", last[2] = "";
	int seen = 0;

	for (int c = 255; c > 0; c--) {
		key[6] = (char)c;
		if (c != '/')
			put(f, key, key);
	}
	do {
		list_after(f, "bytes", last, false, &batch);
		for (size_t i = 0; i < batch.count; i++) {
			if (++seen == '/')
				seen++;
			assert_int_equal(batch.items[i].name.size, 1);
			assert_int_equal((unsigned char)batch.items[i].name.bytes[0], seen);
			key[6] = last[0] = (char)seen;
			expect(f, key, key);
		}
	} while (!batch.end);
	assert_int_equal(seen, 255);
	children_fini(&batch);
}

static void keys_never_collide(struct fixture *f)
{
	static const char *const keys[] = {
		"a/b", "a_b",      "a%2Fb",    "a\\b",     "a b",       "A/b",
		"a/B", "a/b ",     "a/b.",     "%{61}",    "100%",      "%FF%FE",
		"...", "\xff\xfe", "\xff\xff", "\xc3\xa4", "a\xcc\x88", "\xe4",
	};
	enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

	for (size_t i = 0; i < KEYS; i++)
		put(f, keys[i], keys[i]);
	for (size_t i = 0; i < KEYS; i++) {
		expect(f, keys[i], keys[i]);
		assert_int_equal(f->backend->remove(f->state, key_of(keys[i])), 0);
		expect_miss(f, keys[i]);
	}
}

static void the_longest_keys_work(struct fixture *f)
{
	char key[KEY_MAX + 1];

	for (size_t i = 0; i < KEY_MAX; i++)
		key[i] = i % 256 == 255 ? '/' : (char)(0xf0 + i / 256);
	key[KEY_MAX] = '\0';
	struct key longest = key_make(key, KEY_MAX), dir = key_parent(longest);
	assert_true(key_is_path(longest));
	put_bytes(f, longest, "v", 1);
	expect_bytes(f, longest, "v", 1);
	struct children *batch = calloc(1, sizeof(*batch));
	assert_int_equal(f->backend->list(f->state, dir, KEY_ROOT, false, batch), 0);
	assert_int_equal(batch->count, 1);
	assert_true(key_equal(batch->items[0].name, key_relative(longest, dir)));
	children_fini(batch);
	free(batch);
	struct meta meta = { .mode = S_IFDIR | 0700 };
	assert_int_equal(f->backend->dir_set(f->state, longest, &meta), 0);
	assert_int_equal(f->backend->dir_stat(f->state, longest, &meta), 0);
	clear_dir(f, longest);
	assert_int_equal(f->backend->dir_stat(f->state, longest, &meta), -ENOENT);
	expect_bytes(f, longest, "v", 1);
	assert_int_equal(f->backend->rename(f->state, longest, key_of("k")), 0);
	assert_int_equal(f->backend->rename(f->state, key_of("k"), longest), 0);
	clear_dir(f, key_make(key, 255));
	expect_miss_key(f, longest);
}

const struct contract_case contract_entries[] = {
	CONTRACT_CASE(a_value_comes_back_exactly),
	CONTRACT_CASE(every_byte_survives),
	CONTRACT_CASE(a_range_of_a_file_is_a_value),
	CONTRACT_CASE(a_value_outlives_its_entry),
	CONTRACT_CASE(an_absent_key_is_a_miss),
	CONTRACT_CASE(a_removed_key_is_a_miss),
	CONTRACT_CASE(all_metadata_comes_back),
	CONTRACT_CASE(touch_writes_only_the_named_fields),
	CONTRACT_CASE(set_stores_what_it_is_given),
	CONTRACT_CASE(a_marker_is_no_entry),
	CONTRACT_CASE(rename_moves_one_entry),
	CONTRACT_CASE(renamed_large_values_stay_whole),
	CONTRACT_CASE(every_byte_is_a_name),
	CONTRACT_CASE(keys_never_collide),
	CONTRACT_CASE(the_longest_keys_work),
	{ 0 },
};
