/* Sets of extended attributes: a change makes a new one; the packed form is checked when read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/meta.h"
#include "base/xattrs.h"

static struct xattrs *with(struct xattrs *x, const char *name, const char *text)
{
	struct xattrs *out;

	assert_int_equal(xattrs_with(x, name, text, strlen(text), &out), 0);
	xattrs_unref(x);
	return out;
}

static void expect_attribute(const struct xattrs *x, const char *name, const char *text)
{
	size_t size = 99;
	const void *bytes = xattrs_find(x, name, &size);

	assert_non_null(bytes);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(bytes, text, size);
}

static void attributes_are_added_replaced_and_removed(void **state)
{
	struct xattrs *x = with(with(with(NULL, "user.b", "2"), "user.a", ""), "user.bb", "3"), *y;
	size_t size;

	(void)state;
	x = with(x, "user.b", "two");
	expect_attribute(x, "user.a", "");
	expect_attribute(x, "user.b", "two");
	expect_attribute(x, "user.bb", "3");
	assert_null(xattrs_find(x, "user.", &size));
	assert_string_equal(xattrs_name(x, 0), "user.a");
	assert_string_equal(xattrs_name(x, 1), "user.b");
	assert_string_equal(xattrs_name(x, 2), "user.bb");
	assert_null(xattrs_name(x, 3));
	assert_int_equal(xattrs_without(x, "user.c", &y), -ENODATA);
	assert_int_equal(xattrs_without(x, "user.b", &y), 0);
	assert_null(xattrs_find(y, "user.b", &size));
	expect_attribute(y, "user.bb", "3");
	expect_attribute(x, "user.b", "two");
	xattrs_unref(x);
	assert_int_equal(xattrs_without(y, "user.a", &x), 0);
	xattrs_unref(y);
	assert_int_equal(xattrs_without(x, "user.bb", &y), 0);
	assert_null(y);
	xattrs_unref(x);
}

static void the_empty_set_is_null(void **state)
{
	struct xattrs *x;
	size_t size = 9;

	(void)state;
	assert_null(xattrs_ref(NULL));
	xattrs_unref(NULL);
	assert_null(xattrs_find(NULL, "user.a", &size));
	assert_null(xattrs_name(NULL, 0));
	assert_null(xattrs_packed(NULL, &size));
	assert_int_equal(size, 0);
	assert_int_equal(xattrs_unpack(NULL, 0, &x), 0);
	assert_null(x);
	assert_int_equal(xattrs_without(NULL, "user.a", &x), -ENODATA);
}

static void a_set_survives_packing(void **state)
{
	struct xattrs *x = with(with(NULL, "user.long", "some bytes"), "user.a", ""), *y;
	size_t size, again;

	(void)state;
	const void *packed = xattrs_packed(x, &size);
	assert_int_equal(size, 2 * 6 + 6 + 9 + 10);
	const char *want = "\x06\0\0\0\0\0user.a"
			   "\x09\0\x0a\0\0\0user.longsome bytes";
	assert_memory_equal(packed, want, size);
	assert_int_equal(xattrs_unpack(packed, size, &y), 0);
	assert_memory_equal(xattrs_packed(y, &again), packed, size);
	assert_int_equal(again, size);
	expect_attribute(y, "user.long", "some bytes");
	xattrs_unref(x);
	xattrs_unref(y);
}

static void malformed_packs_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} bad[] = {
		{ "\x01", 1 },               /* no header */
		{ "\x01\0\0\0\0\0", 6 },     /* no name */
		{ "\0\0\0\0\0\0", 6 },       /* an empty name */
		{ "\x01\0\x02\0\0\0ab", 8 }, /* too little value */
		{ "\x01\0\xff\xff\xff\xff"
		  "ab",
		  8 },                                    /* a size that overflows */
		{ "\x02\0\0\0\0\0a\0", 8 },               /* NUL in a name */
		{ "\x01\0\0\0\0\0b\x01\0\0\0\0\0a", 14 }, /* out of order */
		{ "\x01\0\0\0\0\0a\x01\0\0\0\0\0a", 14 }, /* twice */
	};
	struct xattrs *x;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *exact = malloc(bad[i].size);
		memcpy(exact, bad[i].bytes, bad[i].size);
		assert_int_equal(xattrs_unpack(exact, bad[i].size, &x), -EINVAL);
		assert_null(x);
		free(exact);
	}
}

/* Random bytes, and random damage to a good pack: refused or read, never beyond the end. */
static void damaged_packs_are_read_within_bounds(void **state)
{
	struct xattrs *good = with(with(NULL, "user.a", "12345"), "user.bc", "67"), *x;
	unsigned seed = 1;
	size_t size;

	(void)state;
	const void *packed = xattrs_packed(good, &size);
	for (int round = 0; round < 20000; round++) {
		size_t cut = (size_t)rand_r(&seed) % (size + 1);
		uint8_t *bytes = malloc(cut + 1);
		memcpy(bytes, packed, cut);
		uint8_t *exact = malloc(cut ? cut : 1);
		if (cut > 0)
			bytes[(size_t)rand_r(&seed) % cut] = (uint8_t)rand_r(&seed);
		memcpy(exact, bytes, cut);
		int rc = xattrs_unpack(exact, cut, &x);
		assert_true(rc == 0 || rc == -EINVAL);
		xattrs_unref(x);
		free(exact);
		free(bytes);
	}
	xattrs_unref(good);
}

static void the_limit_holds(void **state)
{
	static char bytes[XATTRS_MAX_BYTES];
	struct xattrs *x, *y;

	(void)state;
	assert_int_equal(xattrs_with(NULL, "user.a", bytes, XATTRS_MAX_BYTES, &x), -ENOSPC);
	assert_int_equal(xattrs_with(NULL, "user.a", bytes, SIZE_MAX, &x), -ENOSPC);
	assert_int_equal(xattrs_with(NULL, "user.a", bytes, XATTRS_MAX_BYTES - 12, &x), 0);
	assert_int_equal(xattrs_with(x, "user.b", "", 0, &y), -ENOSPC);
	assert_null(y);
	assert_int_equal(xattrs_with(x, "user.a", "1", 1, &y), 0);
	xattrs_unref(x);
	xattrs_unref(y);
}

static void metadata_holds_a_reference(void **state)
{
	struct meta a = { .mode = 1, .copy = end_make(END_MOMENT, 10) }, b = { 0 }, c = { 0 };

	(void)state;
	a.xattrs = with(NULL, "user.a", "1");
	meta_copy(&b, &a);
	meta_update(&c, &a, META_XATTRS);
	meta_update(&c, &a, META_XATTRS | META_MODE);
	meta_fini(&a);
	assert_null(a.xattrs);
	expect_attribute(b.xattrs, "user.a", "1");
	meta_move(&c, &b);
	assert_null(b.xattrs);
	assert_int_equal(c.mode, 1);
	expect_attribute(c.xattrs, "user.a", "1");
	assert_false(meta_is_expired(&c, (struct instant){ 9, 10 }));
	assert_true(meta_is_expired(&c, (struct instant){ 10, 0 }));
	assert_false(meta_is_expired(&b, (struct instant){ INT64_MAX, INT64_MAX }));
	meta_fini(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_added_replaced_and_removed),
		cmocka_unit_test(the_empty_set_is_null),
		cmocka_unit_test(a_set_survives_packing),
		cmocka_unit_test(malformed_packs_are_refused),
		cmocka_unit_test(damaged_packs_are_read_within_bounds),
		cmocka_unit_test(the_limit_holds),
		cmocka_unit_test(metadata_holds_a_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
