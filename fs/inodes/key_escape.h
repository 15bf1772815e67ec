#ifndef CACHEFS_KEY_ESCAPE_H
#define CACHEFS_KEY_ESCAPE_H

/*
 * Names for keys that no path can spell; other programs make such keys. A key is cut into *parts*
 * (key_child(): the bytes between slashes). Each part shows as one name:
 *
 *   a part that a path can spell      itself, whatever it looks like: 100%, %2F, %{zz}, %{2e}
 *   any other: empty, `.`, `..`,      %{HEX}: its bytes, two capital digits each: %{} for the empty
 *   NULs, over 255 bytes, slashes     one, %{2E2E} for `..`, %{2F61} for "/a" at the root
 *   that a key begins with
 *   the same, when that is too long   %{HEX~HASH}: its first ESCAPE_HEAD bytes, and XXH3-128 of all
 *                                     bytes; the directory's listing tells which part this is
 *   no part, but the value of a key   %{self} in that directory: the key a beside a/b is a/%{self}
 *   that is a directory too
 *
 * A name is an escape only if such a part would show as this name. So a name that another program
 * spelled exactly like an escape shows as the %{HEX} of its own bytes. %{self} is an escape only in
 * a directory whose key has a value. %{HEX~HASH} is an escape only if such a part exists. Otherwise
 * they are ordinary names.
 *
 * The functions are pure. The root differs: a part there may begin with slashes and is never empty.
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
	ESCAPE_BYTES,  /* the name stands for these bytes */
	ESCAPE_HASHED, /* for a part that begins with these bytes, if one shows as this name */
	ESCAPE_OWN,    /* for the directory's own value, if it has one */
};

struct escape_text {
	char bytes[KEY_COMPONENT_MAX + 1]; /* terminated */
	size_t size;
};

/* Decodes a name. Sets *bytes for BYTES and HASHED. */
enum escape key_escape_decode(struct key name, bool at_root, struct escape_text *bytes);

/* The name of a part. own_value: the directory's key has a value, so "%{self}" is taken. */
void key_escape_encode(struct key part, bool at_root, bool own_value, struct escape_text *name);

/*
 * The name of any text that is not empty, where names are searched and not decoded: the text
 * itself, if it can be a file name and does not look like an escape; otherwise all of it in
 * hexadecimal, as above.
 */
void key_escape_text(struct key text, struct escape_text *name);
void key_escape_bytes(struct key text, struct escape_text *name); /* always in hexadecimal */

#endif
