#ifndef CACHEFS_KEY_ESCAPE_H
#define CACHEFS_KEY_ESCAPE_H

/*
 * Names for the keys that no path can spell; other programs make them. A key is cut into *parts*
 * (key_child(): bytes between slashes), and each part shows as one name:
 *
 *   a part that a path can spell      itself, whatever it looks like: 100%, %2F, %{zz}, %{2e}
 *   any other: empty, `.`, `..`,      %{HEX}: its bytes, two capital digits each: %{} for the empty
 *   NULs, over 255 bytes, slashes     one, %{2E2E} for `..`, %{2F61} for "/a" at the root
 *   that a key begins with
 *   the same, when that is too long   %{HEX~HASH}: its first ESCAPE_HEAD bytes, and XXH3-128 of all
 *                                     of it; what it stands for is found in the directory's listing
 *   no part, but the value of a key   %{self} in that directory: the key a beside a/b is a/%{self}
 *   that is a directory too
 *
 * A name is an escape only if it is what such a part would show as; so one that another program
 * spelled just so shows as the %{HEX} of its own bytes. %{self} is one only in a directory whose
 * key has a value, and %{HEX~HASH} only if there is such a part; else they are names like any
 * other.
 *
 * Pure functions; the root differs, for there a part may begin with slashes and is never empty.
 */

#include <stdbool.h>

#include "base/key.h"

enum {
	ESCAPE_HEAD = 96,
	ESCAPE_HEX_MAX = (KEY_COMPONENT_MAX - 3) / 2, /* the longest part that %{HEX} can hold */
};

#define ESCAPE_SELF "%{self}"

enum escape {
	ESCAPE_NONE,   /* the name is the part */
	ESCAPE_BYTES,  /* it stands for these bytes */
	ESCAPE_HASHED, /* for a part that begins with these bytes, if there is one that shows so */
	ESCAPE_OWN,    /* for the directory's own value, if it has one */
};

struct escape_text {
	char bytes[KEY_COMPONENT_MAX + 1]; /* terminated */
	size_t size;
};

/* What a name stands for; *bytes is set for BYTES and HASHED. */
enum escape key_escape_decode(struct key name, bool at_root, struct escape_text *bytes);

/* The name of a part. own_value: its directory's key has a value, so "%{self}" is taken. */
void key_escape_encode(struct key part, bool at_root, bool own_value, struct escape_text *name);

/*
 * The name of any text that is not empty, where it is looked for and not decoded: itself, if it can
 * be the name of a file and does not look like an escape; else all of it in hexadecimal, as above.
 */
void key_escape_text(struct key text, struct escape_text *name);
void key_escape_bytes(struct key text, struct escape_text *name); /* in hexadecimal, anyway */

#endif
