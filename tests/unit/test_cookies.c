/* A cookie means one name, also where names have one hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "verbs/cookies.h"

enum { NAMES = 300000 }; /* of which some twenty share a hash of 31 bits with another */

static struct key name_of(char *text, size_t size, unsigned i)
{
	int n = snprintf(text, size, "name-%u", i);

	return key_make(text, (size_t)n);
}

static void a_cookie_means_one_name(void **state)
{
	struct cookies cookies = { 0 };
	uint32_t *values = malloc(NAMES * sizeof(*values));
	char text[32];
	unsigned moved = 0;

	(void)state;
	assert_non_null(values);
	for (unsigned i = 0; i < NAMES; i++) {
		struct key name = name_of(text, sizeof(text), i);
		struct cookie *cookie = cookies_claim(&cookies, name);
		assert_non_null(cookie);
		assert_true(cookie->value >= COOKIE_FIRST && cookie->value <= INT32_MAX);
		values[i] = cookie->value;
		moved += cookie->value != (key_hash(name) & INT32_MAX);
		cookie->index = i;
	}
	assert_true(moved > 0);
	for (unsigned i = 0; i < NAMES; i++) {
		struct key name = name_of(text, sizeof(text), i);
		assert_int_equal(cookies_claim(&cookies, name)->value, values[i]);
		const struct cookie *found = cookies_find(&cookies, values[i]);
		assert_non_null(found);
		assert_int_equal(found->index, i);
		assert_true(key_equal(key_make(found->name, found->size), name));
	}
	assert_int_equal(cookies.count, NAMES);
	cookies_fini(&cookies);
	free(values);
}

static void what_was_never_given_out_is_no_cookie(void **state)
{
	struct cookies cookies = { 0 };

	(void)state;
	assert_null(cookies_find(&cookies, 3));
	uint32_t value = cookies_claim(&cookies, key_make("a", 1))->value;
	assert_null(cookies_find(&cookies, 0));
	assert_null(cookies_find(&cookies, (uint64_t)value + 1));
	assert_null(cookies_find(&cookies, (uint64_t)value + (UINT64_C(1) << 32)));
	cookies_fini(&cookies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cookie_means_one_name),
		cmocka_unit_test(what_was_never_given_out_is_no_cookie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
