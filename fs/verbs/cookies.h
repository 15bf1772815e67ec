#ifndef CACHEFS_COOKIES_H
#define CACHEFS_COOKIES_H

/*
 * The cookies of one open directory: telldir(3) returns the cookie of a name, and seekdir(3) gets
 * it. A cookie is a hash of the name. So it means that name as long as the directory is open, even
 * if names are added, removed or listed again in between. Not thread-safe.
 */

#include <stdint.h>

#include "base/key.h"

enum { COOKIE_FIRST = 3 }; /* the first of a name; cookies have 31 bits, which any program keeps */

/* A name that was given out. Its place (round, index) is for the user of this header. */
struct cookie {
	char *name;
	uint32_t size;
	uint32_t value;
	uint32_t round; /* of the listing in which the name is at `index`; 0: of none */
	uint32_t index;
};

/* Initialised with = {0}. About 60 bytes for each name. */
struct cookies {
	struct cookie *items; /* in the order of the claims */
	size_t count, room;
	uint32_t *slots; /* by value: numbers of items, from 1 on; if taken, the next free slot */
	size_t capacity;
};

void cookies_fini(struct cookies *cookies);

/* The cookie of a name, which is copied. The pointer is borrowed until the next claim. NULL: out of
 * memory. */
struct cookie *cookies_claim(struct cookies *cookies, struct key name);

/* The cookie with that value; NULL: no claimed name has it. */
const struct cookie *cookies_find(const struct cookies *cookies, uint64_t value);

#endif
