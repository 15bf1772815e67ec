/* See key_escape.h. */
#include "inodes/key_escape.h"

#include <assert.h>
#include <string.h>

#include <xxhash.h>

enum { HASH_BYTES = 16 };

static const char digits[] = "0123456789ABCDEF";

static bool is_own(struct key name)
{
	return key_equal(name, key_of(ESCAPE_SELF));
}

/* Whether a key may have such a part there. */
static bool is_part(struct key part, bool at_root)
{
	size_t skip = 0;

	while (at_root && skip < part.size && part.bytes[skip] == '/')
		skip++;
	if (part.size > skip && memchr(part.bytes + skip, '/', part.size - skip))
		return false;
	return part.size > 0 || !at_root;
}

static bool needs_escape(struct key part, bool at_root)
{
	struct escape_text bytes;

	return !key_is_path(part) || key_escape_decode(part, at_root, &bytes) == ESCAPE_BYTES;
}

/* --- hexadecimal digits ----------------------------------------------------------------------- */

static int digit(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The bytes that `hex` spells. False: it is none. */
static bool from_hex(struct key hex, struct escape_text *bytes)
{
	if (hex.size % 2 != 0)
		return false;
	bytes->size = 0;
	for (size_t i = 0; i < hex.size; i += 2) {
		int high = digit(hex.bytes[i]), low = digit(hex.bytes[i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes->bytes[bytes->size++] = (char)(high * 16 + low);
	}
	bytes->bytes[bytes->size] = '\0';
	return true;
}

static void add_text(struct escape_text *name, const char *text)
{
	size_t size = strlen(text);

	assert(name->size + size < sizeof(name->bytes));
	memcpy(name->bytes + name->size, text, size + 1);
	name->size += size;
}

static void add_hex(struct escape_text *name, const void *bytes, size_t size)
{
	const unsigned char *p = bytes;

	assert(name->size + 2 * size < sizeof(name->bytes));
	for (size_t i = 0; i < size; i++) {
		name->bytes[name->size++] = digits[p[i] >> 4];
		name->bytes[name->size++] = digits[p[i] & 15];
	}
	name->bytes[name->size] = '\0';
}

/* --- names ------------------------------------------------------------------------------------ */

enum escape key_escape_decode(struct key name, bool at_root, struct escape_text *bytes)
{
	if (name.size < 3 || name.size > KEY_COMPONENT_MAX || memcmp(name.bytes, "%{", 2) != 0 ||
	    name.bytes[name.size - 1] != '}')
		return ESCAPE_NONE;
	if (is_own(name))
		return at_root ? ESCAPE_NONE : ESCAPE_OWN;
	struct key inner = key_make(name.bytes + 2, name.size - 3);
	if (from_hex(inner, bytes)) {
		struct key part = key_make(bytes->bytes, bytes->size);
		bool escapes = is_own(part) ? !at_root : needs_escape(part, at_root);
		return escapes && is_part(part, at_root) ? ESCAPE_BYTES : ESCAPE_NONE;
	}
	size_t tail = 1 + 2 * HASH_BYTES;
	if (inner.size == 2 * ESCAPE_HEAD + tail && inner.bytes[inner.size - tail] == '~' &&
	    from_hex(key_make(inner.bytes, inner.size - tail), bytes))
		return ESCAPE_HASHED;
	return ESCAPE_NONE;
}

static void set_plain(struct key text, struct escape_text *name)
{
	memcpy(name->bytes, text.bytes, text.size);
	name->bytes[text.size] = '\0';
	name->size = text.size;
}

void key_escape_bytes(struct key bytes, struct escape_text *name)
{
	name->size = 0;
	add_text(name, "%{");
	if (bytes.size <= ESCAPE_HEX_MAX) {
		add_hex(name, bytes.bytes, bytes.size);
	} else {
		XXH128_canonical_t hash;
		XXH128_canonicalFromHash(&hash, XXH3_128bits(bytes.bytes, bytes.size));
		add_hex(name, bytes.bytes, ESCAPE_HEAD);
		add_text(name, "~");
		add_hex(name, hash.digest, sizeof(hash.digest));
	}
	add_text(name, "}");
}

void key_escape_encode(struct key part, bool at_root, bool own_value, struct escape_text *name)
{
	if (needs_escape(part, at_root) || (own_value && is_own(part)))
		key_escape_bytes(part, name);
	else
		set_plain(part, name);
}

void key_escape_text(struct key text, struct escape_text *name)
{
	bool looks_so = text.size >= 3 && memcmp(text.bytes, "%{", 2) == 0 &&
			text.bytes[text.size - 1] == '}';

	if (looks_so || !key_is_path(text) || memchr(text.bytes, '/', text.size))
		key_escape_bytes(text, name);
	else
		set_plain(text, name);
}
