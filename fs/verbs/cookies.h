#ifndef CACHEFS_COOKIES_H
#define CACHEFS_COOKIES_H

/*
 * The cookies of one open directory: what telldir(3) says of a name, and seekdir(3) is given. A
 * cookie is a hash of the name, so it means that name for as long as the directory is open,
 * whatever is added, removed or listed anew in between. Not thread-safe.
 */

#include <stdint.h>

#include "base/key.h"

enum { COOKIE_FIRST = 3 }; /* the first of a name; they have 31 bits, which any program can keep */

/* A name that was given out. Its place is the user's. */
struct cookie {
	char *name;
	uint32_t size;
	uint32_t value;
	uint32_t round; /* of the listing in which index is its place; 0: in none */
	uint32_t index;
};

/* Made with = {0}. Some 60 bytes for each name. */
struct cookies {
	struct cookie *items; /* in the order in which they were claimed */
	size_t count, room;
	uint32_t *slots; /* by value: numbers of items, from 1 on; the next free one where that is
			    taken */
	size_t capacity;
};

void cookies_fini(struct cookies *cookies);

/* The cookie of a name, which is copied; borrowed until the next claim. NULL: out of memory. */
struct cookie *cookies_claim(struct cookies *cookies, struct key name);

/* What has that value; NULL: no name that was claimed. */
const struct cookie *cookies_find(const struct cookies *cookies, uint64_t value);

#endif
