/* Values: heap bytes and ranges of files, their reading and their checksums; keys on the side. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/key.h"
#include "base/value.h"

static uint8_t *pattern(size_t size)
{
	uint8_t *bytes = malloc(size + 1);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)((i * 2654435761U) >> 11);
	return bytes;
}

static int file_with(const void *bytes, size_t size, off_t offset)
{
	int fd = memfd_create("value", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, size, offset), size);
	return fd;
}

static void expect_checksum(struct value *value, const void *bytes, size_t size)
{
	uint64_t checksum;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(value_checksum(value, &checksum), 0);
		assert_true(checksum == XXH3_64bits(bytes, size));
	}
}

static void both_kinds_read_the_same(void **state)
{
	enum { SIZE = 3 * 1024 * 1024 + 17 };
	uint8_t *bytes = pattern(SIZE), *copy = pattern(SIZE), buffer[100];
	uint64_t offset = 0;

	(void)state;
	struct value *values[] = { value_copy(bytes, SIZE), value_adopt(copy, SIZE),
				   value_from_file(file_with(bytes, SIZE, 33), 33, SIZE) };
	for (int i = 0; i < 3; i++) {
		struct value *v = values[i];
		assert_true(value_size(v) == SIZE);
		assert_true((value_bytes(v) == NULL) == (i == 2));
		assert_true((value_fd(v, &offset) >= 0) == (i == 2));
		assert_int_equal(value_read(v, buffer, 100, 1000), 100);
		assert_memory_equal(buffer, bytes + 1000, 100);
		assert_int_equal(value_read(v, buffer, 100, SIZE - 7), 7);
		assert_int_equal(value_read(v, buffer, 100, SIZE), 0);
		assert_int_equal(value_read(v, buffer, 100, UINT64_MAX), 0);
		expect_checksum(v, bytes, SIZE);
		assert_true(value_ref(v) == v);
		value_unref(v);
		value_unref(v);
	}
	assert_true(offset == 33);
	value_unref(NULL);
	free(bytes);
}

static void empty_values_are_values(void **state)
{
	char buffer;

	(void)state;
	struct value *values[] = { value_copy(NULL, 0), value_adopt(NULL, 0),
				   value_adopt(malloc(1), 0),
				   value_from_file(file_with("", 0, 0), 0, 0) };
	for (int i = 0; i < 4; i++) {
		assert_true(value_size(values[i]) == 0);
		assert_true((value_bytes(values[i]) == NULL) == (i == 3));
		assert_int_equal(value_read(values[i], &buffer, 1, 0), 0);
		expect_checksum(values[i], "", 0);
		value_unref(values[i]);
	}
}

static void a_file_that_was_cut_is_an_error(void **state)
{
	char buffer[8];
	uint64_t checksum;

	(void)state;
	struct value *value = value_from_file(file_with("1234", 4, 0), 0, 8);
	assert_int_equal(value_read(value, buffer, 8, 0), -EIO);
	assert_int_equal(value_read(value, buffer, 4, 0), 4);
	assert_int_equal(value_checksum(value, &checksum), -EIO);
	value_unref(value);
}

static void a_files_descriptor_is_closed_with_it(void **state)
{
	(void)state;
	int fd = file_with("x", 1, 0);
	value_unref(value_from_file(fd, 0, 1));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	fd = file_with("x", 1, 0);
	assert_null(value_from_file(fd, UINT64_MAX, 1));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void *checksum_in_thread(void *value)
{
	uint64_t checksum = 0;

	for (int i = 0; i < 100; i++) {
		value_ref(value);
		if (value_checksum(value, &checksum) != 0)
			checksum = 0;
		value_unref(value);
	}
	return (void *)(uintptr_t)checksum;
}

static void threads_agree_on_a_checksum(void **state)
{
	uint8_t *bytes = pattern(100000);
	struct value *value = value_from_file(file_with(bytes, 100000, 0), 0, 100000);
	pthread_t threads[4];
	void *checksum;

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, checksum_in_thread, value);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &checksum);
		assert_true((uintptr_t)checksum == (uintptr_t)XXH3_64bits(bytes, 100000));
	}
	value_unref(value);
	free(bytes);
}

static void a_path_is_a_key_if_its_components_are_names(void **state)
{
	static const char *const good[] = { "a", "a/b", "...", ".a", "a/..b", " ", "\xff", "-" };
	static const char *const bad[] = { "",  "/",  "/a",  "a/",   "a//b",
					   ".", "..", "a/.", "../a", "a/../b" };
	char component[256];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(key_is_path(key_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(key_is_path(key_of(bad[i])));
	memset(component, 'c', sizeof(component));
	assert_true(key_is_path(key_make(component, 255)));
	assert_false(key_is_path(key_make(component, 256)));
	assert_false(key_is_path(key_make("a\0b", 3)));
	assert_true(key_is_valid(key_make("a\0b", 3)));
}

static void expect_child(const char *dir, const char *key, const char *name, bool is_dir)
{
	bool deeper = !is_dir;

	assert_true(key_equal(key_child(key_of(key), key_of(dir), &deeper), key_of(name)));
	assert_int_equal(deeper, is_dir);
}

static void a_key_is_or_lies_in_a_child(void **state)
{
	(void)state;
	expect_child("", "a", "a", false);
	expect_child("", "a/b/c", "a", true);
	expect_child("a", "a/b/c", "b", true);
	expect_child("a/b", "a/b/c", "c", false);
	expect_child("", "a/", "a", true);
	expect_child("a", "a/", "", false);
	expect_child("a", "a//", "", true);
	expect_child("a/", "a//", "", false);
	expect_child("", "/", "/", false);
	expect_child("", "//a", "//a", false);
	expect_child("", "//a/b", "//a", true);
}

static void keys_are_cut_and_joined(void **state)
{
	static struct key_buffer first, end;
	static char longest[KEY_MAX];

	(void)state;
	assert_true(key_is_below(key_of("a/b"), key_of("a")));
	assert_false(key_is_below(key_of("a"), key_of("a")));
	assert_false(key_is_below(key_of("ab/c"), key_of("a")));
	assert_true(key_is_below(key_of("a"), KEY_ROOT));
	assert_true(key_equal(key_parent(key_of("a/b/c")), key_of("a/b")));
	assert_true(key_equal(key_parent(key_of("a")), KEY_ROOT));
	assert_true(key_equal(key_parent(key_of("a/")), key_of("a")));
	assert_true(key_equal(key_parent(key_of("a//")), key_of("a/")));
	assert_true(key_equal(key_parent(key_of("//a")), KEY_ROOT));
	assert_true(key_equal(key_parent(key_of("//a/b")), key_of("//a")));
	assert_true(key_equal(key_relative(key_of("a/b/c"), key_of("a")), key_of("b/c")));
	assert_true(key_equal(key_relative(key_of("a"), KEY_ROOT), key_of("a")));
	assert_int_equal(key_join(&first, key_of("a"), key_of("b")), 0);
	assert_string_equal(first.bytes, "a/b");
	assert_int_equal(key_join(&first, KEY_ROOT, key_of("b")), 0);
	assert_string_equal(first.bytes, "b");
	key_range(key_of("d"), &first, &end);
	assert_string_equal(first.bytes, "d/");
	assert_string_equal(end.bytes, "d0");
	memset(longest, 'k', KEY_MAX);
	struct key key = key_make(longest, KEY_MAX);
	assert_int_equal(key_join(&first, KEY_ROOT, key), 0);
	assert_int_equal(key_join(&first, key, key_of("a")), -ENAMETOOLONG);
	assert_int_equal(key_join(&first, key_make(longest, KEY_MAX - 2), key_of("a")), 0);
	key_range(key, &first, &end);
	assert_int_equal(end.size, KEY_MAX + 1);
	assert_true(key_begins(key_of("ab/c"), key_of("ab")) && key_begins(key_of("a"), KEY_ROOT));
	assert_false(key_begins(key_of("ab"), key_of("abc")));
	assert_true(key_dir_begins(key_of("d"), key_of("d/")));
	assert_true(key_dir_begins(key_of("d"), key_of("d")));
	assert_true(key_dir_begins(key_of("d/e"), key_of("d/")));
	assert_false(key_dir_begins(key_of("d"), key_of("d/e")));
	assert_false(key_dir_begins(key_of("d"), key_of("d:")));
	assert_false(key_dir_begins(KEY_ROOT, key_of("/")));
	assert_true(key_prefix_end(key_of("p:"), &end));
	assert_string_equal(end.bytes, "p;");
	assert_true(key_prefix_end(key_of("p\377\377"), &end));
	assert_true(key_equal(key_make(end.bytes, end.size), key_of("q")));
	assert_false(key_prefix_end(key_of("\377\377"), &end));
	assert_false(key_prefix_end(KEY_ROOT, &end));
	assert_true(key_compare(key_of("a"), key_of("a/")) < 0);
	assert_true(key_compare(key_of("\xff"), key_of("a")) > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_kinds_read_the_same),
		cmocka_unit_test(empty_values_are_values),
		cmocka_unit_test(a_file_that_was_cut_is_an_error),
		cmocka_unit_test(a_files_descriptor_is_closed_with_it),
		cmocka_unit_test(threads_agree_on_a_checksum),
		cmocka_unit_test(a_path_is_a_key_if_its_components_are_names),
		cmocka_unit_test(a_key_is_or_lies_in_a_child),
		cmocka_unit_test(keys_are_cut_and_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
