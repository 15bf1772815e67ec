#ifndef CACHEFS_KEY_H
#define CACHEFS_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A key: the path of an entry below the mount point, without a leading slash. The bytes are
 * borrowed and not terminated: the caller keeps them alive for the call, and a function that keeps
 * a key copies them. A directory has a key too; the root's key is empty. The keys below directory
 * `d` begin with "d/" (below the root: all keys).
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

/* True for 1 to KEY_MAX bytes. A foreign key may have bytes that no path can spell (empty
 * components, NUL). */
bool key_is_valid(struct key key);

/* True if a path below the mount point can spell the key. */
bool key_is_path(struct key key);

bool key_equal(struct key a, struct key b);
int key_compare(struct key a, struct key b); /* memcmp order: <0, 0, >0 */
/* True if the key begins with dir + "/"; every key is below the root. */
bool key_is_below(struct key key, struct key dir);
/* XXH3 (64 bits) of the bytes, of any number. Every process computes the same hash, so a store may
 * keep it. */
uint64_t key_hash(struct key key);

/* Returns the part of a key below dir that follows "dir/". */
struct key key_relative(struct key key, struct key dir);

/*
 * Returns the name of the child of dir that the key (below dir) is or lies in. *is_dir: the key
 * lies deeper. The name may be empty or have bytes that no path can spell. Only the root has an
 * empty directory key, so slashes at the start of a key belong to the first component: "//a/b" lies
 * in the root's child "//a".
 */
struct key key_child(struct key key, struct key dir, bool *is_dir);

/* True if the key can be a directory's: false for a key that is all slashes (see key_child()). */
bool key_can_hold(struct key key);

/* Returns the directory that has the key as its child (see key_child()). */
struct key key_parent(struct key key);

/* A terminated copy of the bytes, which the caller frees. NULL: out of memory. */
char *key_copy(struct key key);

/* Writes dir + "/" + name (in the root the name alone), terminated, into the buffer. -ENAMETOOLONG:
 * the whole exceeds KEY_MAX. */
struct key_buffer {
	char bytes[KEY_MAX + 2]; /* key_range() adds a byte to a whole key */
	size_t size;
};
int key_join(struct key_buffer *buffer, struct key dir, struct key name);

/* key_keep() copies a key's bytes, KEY_MAX + 2 at most, into a buffer; key_kept() returns the key
 * in a buffer. Both results borrow the buffer. */
struct key key_keep(struct key_buffer *buffer, struct key key);
struct key key_kept(const struct key_buffer *buffer);

/* Writes what a key becomes, which is `from` or begins with it, when `from` becomes `to`.
 * -ENAMETOOLONG: it would be longer than `most` (KEY_MAX; a marker's key KEY_MAX + 1). */
int key_moved(struct key_buffer *buffer, struct key key, struct key from, struct key to,
	      size_t most);

/*
 * A *prefix*: any bytes that keys may begin with, up to KEY_MAX + 1. A directory's prefix ends with
 * its slash (marker_key()); the root's is empty. key_begins(): the key begins with the prefix.
 * key_dir_begins(): the directory's marker, which counts as the key dir + "/", begins with the
 * prefix.
 */
bool key_begins(struct key key, struct key prefix);
bool key_dir_begins(struct key dir, struct key prefix);

/* Writes the end of the range [prefix, end) of the keys that begin with the prefix. False: no key
 * ends the range. */
bool key_prefix_end(struct key prefix, struct key_buffer *end);

/* Writes the range [dir + "/", dir + "0") of the keys below dir, both ends terminated. dir + "0" is
 * the first key after them, because '0' follows '/'. Not for the root. */
void key_range(struct key dir, struct key_buffer *first, struct key_buffer *end);

#endif
