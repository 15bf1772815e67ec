#ifndef CACHEFS_KEY_H
#define CACHEFS_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A key: the path of an entry below the mount point, no leading slash. Borrowed bytes, not
 * terminated: whoever passes a key keeps the bytes alive for the call, whoever keeps one copies.
 * A directory is named by a key too; the root is the empty one. The keys below directory `d` are
 * those that begin with "d/" (with the root: all).
 */
struct key {
	const char *bytes;
	size_t size;
};

enum {
	KEY_MAX = 4095,          /* bytes in a whole key */
	KEY_COMPONENT_MAX = 255, /* bytes between two slashes */
};

#define KEY_ROOT ((struct key){ "", 0 })

struct key key_of(const char *text);
struct key key_make(const char *bytes, size_t size);

/* 1 to KEY_MAX bytes. What a path cannot spell (empty components, NUL) may be a foreign key. */
bool key_is_valid(struct key key);

/* A key that a path below the mount point can spell: see design terms, "key". */
bool key_is_path(struct key key);

bool key_equal(struct key a, struct key b);
int key_compare(struct key a, struct key b); /* memcmp order: <0, 0, >0 */
/* Begins with dir + "/"; all are below the root. */
bool key_is_below(struct key key, struct key dir);
uint64_t key_hash(struct key key);

/* What follows "dir/" in a key below dir. */
struct key key_relative(struct key key, struct key dir);

/*
 * The child of dir that a key below dir is, or lies in: its name, which may be empty or any other
 * bytes that no path can spell; *is_dir when the key lies deeper. No directory's key is empty but
 * the root's, so slashes that a key begins with belong to its first component: "//a/b" lies in the
 * root's child "//a".
 */
struct key key_child(struct key key, struct key dir, bool *is_dir);

/* Whether key can be a directory's: not if it is all slashes (see key_child()). */
bool key_can_hold(struct key key);

/* The directory that holds key: the one whose key_child() it is. */
struct key key_parent(struct key key);

/* A terminated copy of the bytes, to be freed; NULL: out of memory. */
char *key_copy(struct key key);

/*
 * Writes dir + "/" + name (name alone in the root), terminated, into buffer.
 * Returns -ENAMETOOLONG when the whole exceeds KEY_MAX; the key borrows the buffer.
 */
struct key_buffer {
	char bytes[KEY_MAX + 2]; /* key_range() adds a byte to a whole key */
	size_t size;
};
int key_join(struct key_buffer *buffer, struct key dir, struct key name);

/* Copies a key's bytes, KEY_MAX + 2 at most, into a buffer; the key that a buffer holds. Both
 * borrow it. */
struct key key_keep(struct key_buffer *buffer, struct key key);
struct key key_kept(const struct key_buffer *buffer);

/*
 * A *prefix*: any bytes that keys may begin with, up to KEY_MAX + 1. A directory's ends with its
 * slash (marker_key()), the root's is empty. Whether a key begins with it; whether a directory's
 * marker, which counts as the key dir + "/", does.
 */
bool key_begins(struct key key, struct key prefix);
bool key_dir_begins(struct key dir, struct key prefix);

/* The keys that begin with the prefix are the range [prefix, end). False: no key ends it. */
bool key_prefix_end(struct key prefix, struct key_buffer *end);

/*
 * The first key after all keys below dir is dir + "0" ('0' follows '/'), so the range
 * [dir + "/", dir + "0") holds exactly them. Both are written terminated; not for the root.
 */
void key_range(struct key dir, struct key_buffer *first, struct key_buffer *end);

#endif
