/* Names of keys that no path can spell: key_escape.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "inodes/key_escape.h"

static void expect_name(struct key part, bool at_root, const char *expected)
{
	struct escape_text name, bytes;

	key_escape_encode(part, at_root, false, &name);
	assert_string_equal(name.bytes, expected);
	assert_int_equal(name.size, strlen(expected));
	enum escape kind = key_escape_decode(key_make(name.bytes, name.size), at_root, &bytes);
	if (key_equal(part, key_of(expected)))
		assert_int_equal(kind, ESCAPE_NONE);
	else
		assert_int_equal(kind, ESCAPE_BYTES);
	if (kind == ESCAPE_BYTES)
		assert_true(key_equal(key_make(bytes.bytes, bytes.size), part));
}

static void what_a_path_can_spell_is_its_own_name(void **state)
{
	static const char *const names[] = {
		"a",     "100%",    "%2F",    "%",       "%{",      "%}",      "%{zz}",
		"%{61}", "%{2e2e}", "%{2E2}", "%{self",  "%{SELF}", "{2E}",    "%{2E}x",
		"...",   " ",       "\xff\n", "%{2E ~}", "%{~}",    "%{412E}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		expect_name(key_of(names[i]), false, names[i]);
		expect_name(key_of(names[i]), true, names[i]);
	}
}

static void other_parts_show_as_their_bytes(void **state)
{
	(void)state;
	expect_name(KEY_ROOT, false, "%{}");
	expect_name(key_of("."), false, "%{2E}");
	expect_name(key_of(".."), true, "%{2E2E}");
	expect_name(key_make("\0", 1), false, "%{00}");
	expect_name(key_make("a\0\xff", 3), true, "%{6100FF}");
	expect_name(key_of("/"), true, "%{2F}");
	expect_name(key_of("//a"), true, "%{2F2F61}");
}

static void a_part_that_looks_like_an_escape_is_escaped(void **state)
{
	(void)state;
	expect_name(key_of("%{2E}"), false, "%{257B32457D}");
	expect_name(key_of("%{}"), false, "%{257B7D}");
	expect_name(key_of("%{257B7D}"), false,
		    "%{257B323537423744"
		    "7D}");
	expect_name(key_of("%{}"), true, "%{}"); /* the root has no empty part */
	expect_name(key_of("%{2F61}"), true, "%{257B324636317D}");
	expect_name(key_of("%{2F61}"), false, "%{2F61}"); /* only the root has such a part */
	expect_name(key_of("%{612F}"), true, "%{612F}");
}

static void the_own_value_has_a_name_of_its_own(void **state)
{
	struct escape_text name, bytes;

	(void)state;
	assert_int_equal(key_escape_decode(key_of("%{self}"), false, &bytes), ESCAPE_OWN);
	assert_int_equal(key_escape_decode(key_of("%{self}"), true, &bytes), ESCAPE_NONE);
	key_escape_encode(key_of("%{self}"), false, false, &name);
	assert_string_equal(name.bytes, "%{self}");
	key_escape_encode(key_of("%{self}"), false, true, &name);
	assert_string_equal(name.bytes, "%{257B73656C667D}");
	assert_int_equal(key_escape_decode(key_of(name.bytes), false, &bytes), ESCAPE_BYTES);
	assert_string_equal(bytes.bytes, "%{self}");
}

static void a_long_part_shows_its_head_and_a_hash(void **state)
{
	char part[KEY_MAX], other[KEY_MAX];
	struct escape_text name, second, head;

	(void)state;
	memset(part, 'p', sizeof(part));
	memcpy(other, part, sizeof(part));
	other[KEY_MAX - 1] = 'q';
	for (size_t size = KEY_COMPONENT_MAX + 1; size <= KEY_MAX; size += 1 + size / 7) {
		key_escape_encode(key_make(part, size), false, false, &name);
		assert_true(key_is_path(key_make(name.bytes, name.size)));
		assert_int_equal(key_escape_decode(key_make(name.bytes, name.size), false, &head),
				 ESCAPE_HASHED);
		assert_int_equal(head.size, ESCAPE_HEAD);
		assert_memory_equal(head.bytes, part, ESCAPE_HEAD);
	}
	key_escape_encode(key_make(part, KEY_MAX), false, false, &name);
	key_escape_encode(key_make(other, KEY_MAX), false, false, &second);
	assert_string_not_equal(name.bytes, second.bytes);
	name.bytes[2] = 'g';
	assert_int_equal(key_escape_decode(key_make(name.bytes, name.size), false, &head),
			 ESCAPE_NONE);
}

/* Any bytes, biased towards what the grammar is made of. */
static size_t random_part(char *part, size_t max)
{
	static const char alphabet[] = "%{}~0123456789ABCDEFself./";
	size_t size = (size_t)(rand() % (int)max);

	for (size_t i = 0; i < size; i++)
		part[i] = rand() % 8 ? alphabet[rand() % 26] : (char)rand();
	if (size > 2 && rand() % 2) {
		memcpy(part, "%{", 2);
		part[size - 1] = '}';
	}
	return size;
}

static void every_part_comes_back_from_its_name(void **state)
{
	char bytes[ESCAPE_HEX_MAX];
	struct escape_text name, back;

	(void)state;
	srand(1);
	for (int i = 0; i < 200000; i++) {
		struct key part = key_make(bytes, random_part(bytes, i % 2 ? 9 : ESCAPE_HEX_MAX));
		bool slash = part.size > 0 && memchr(part.bytes, '/', part.size);
		if (slash)
			continue;
		key_escape_encode(part, false, false, &name);
		struct key text = key_make(name.bytes, name.size);
		assert_true(key_is_path(text));
		enum escape kind = key_escape_decode(text, false, &back);
		if (kind == ESCAPE_BYTES)
			text = key_make(back.bytes, back.size);
		assert_true(key_equal(text, part));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_path_can_spell_is_its_own_name),
		cmocka_unit_test(other_parts_show_as_their_bytes),
		cmocka_unit_test(a_part_that_looks_like_an_escape_is_escaped),
		cmocka_unit_test(the_own_value_has_a_name_of_its_own),
		cmocka_unit_test(a_long_part_shows_its_head_and_a_hash),
		cmocka_unit_test(every_part_comes_back_from_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
