/*
 * Names for keys that no path can spell: an input is a name, and a part of a key. A name that is an
 * escape is what its part shows as, and a part's name leads back to it.
 */
#include <assert.h>
#include <string.h>

#include "inodes/key_escape.h"
#include "fuzz.h"

static const struct fuzz_seed seeds[] = {
	FUZZ_TEXT("%{}"),
	FUZZ_TEXT("%{2E2E}"),
	FUZZ_TEXT("%{self}"),
	FUZZ_TEXT("%{257B73656C667D}"),
	FUZZ_TEXT("/a"),
	FUZZ_TEXT("%{2F2F61}"),
	FUZZ_TEXT("100%"),
	FUZZ_TEXT("%{0011223344556677889900112233445566778899001122334455667788990011223344556677"
		  "889900112233445566778899001122334455667788990011223344556677889900112233445566"
		  "7788990011223344556677889900112233445566~00112233445566778899AABBCCDDEEFF}"),
	{ NULL, 0 },
};

static const char *const words[] = { "%{", "}",   "self", "2E", "2F",    "~",  "257B", "7D",
				     "/",  "%{}", "00",   ".",  "%{2E}", "2e", NULL };

static void expect_name_is_its_parts(struct key name, bool at_root)
{
	struct escape_text part, again;

	if (key_escape_decode(name, at_root, &part) != ESCAPE_BYTES)
		return;
	key_escape_encode(key_make(part.bytes, part.size), at_root, true, &again);
	assert(key_equal(key_make(again.bytes, again.size), name));
}

/* Whether a key can have it there: see key_child(). */
static bool is_part(struct key part, bool at_root)
{
	size_t skip = 0;

	while (at_root && skip < part.size && part.bytes[skip] == '/')
		skip++;
	return (part.size > 0 || !at_root) && part.size <= KEY_MAX &&
	       !memchr(part.bytes + skip, '/', part.size - skip);
}

static void expect_part_comes_back(struct key part, bool at_root, bool own_value)
{
	struct escape_text name, back;

	key_escape_encode(part, at_root, own_value, &name);
	struct key shown = key_make(name.bytes, name.size);
	assert(key_is_path(shown) && !memchr(name.bytes, '/', name.size));
	switch (key_escape_decode(shown, at_root, &back)) {
	case ESCAPE_BYTES:
		assert(key_equal(key_make(back.bytes, back.size), part));
		break;
	case ESCAPE_HASHED: /* or a name that looks so and is not */
		assert(key_equal(shown, part) || (part.size > ESCAPE_HEX_MAX &&
						  memcmp(part.bytes, back.bytes, back.size) == 0));
		break;
	case ESCAPE_OWN:
		assert(!own_value && key_equal(shown, part));
		break;
	case ESCAPE_NONE:
		assert(key_equal(shown, part));
		break;
	}
}

static void run(const uint8_t *bytes, size_t size)
{
	struct key input = key_make((const char *)bytes, size);

	for (int at_root = 0; at_root < 2; at_root++) {
		expect_name_is_its_parts(input, at_root);
		for (int own = 0; own < 2 && is_part(input, at_root); own++)
			expect_part_comes_back(input, at_root, own && !at_root);
	}
}

int main(void)
{
	static const struct fuzz_target target = { "key_escape", seeds, words, run };

	return fuzz_main(&target);
}
