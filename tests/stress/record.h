#ifndef CACHEFS_RECORD_H
#define CACHEFS_RECORD_H

/*
 * Values that prove themselves: a record says who wrote it, under which ticket, how long it is, and
 * carries a checksum over all of that and its body. The body follows from the header, so two
 * records of one header are equal byte for byte. A value of 0 bytes is the only one that is not a
 * record.
 */

#include <stddef.h>
#include <stdint.h>

struct record {
	uint32_t magic;
	uint32_t writer;
	uint64_t key;
	uint64_t ticket;
	uint64_t size; /* of the whole record */
	uint64_t checksum;
};

enum { RECORD_MIN = sizeof(struct record), VALUE_MAX = 256 * 1024 };

/* Writes a whole record of `size` bytes, at least RECORD_MIN. */
void record_fill(void *bytes, size_t size, uint32_t writer, uint64_t key, uint64_t ticket);

/*
 * Looks for a whole record at the start of bytes. NULL when there is one (then *record is its
 * header), otherwise what is wrong, as text.
 */
const char *record_check(const void *bytes, size_t size, struct record *record);

/* A size as values have it: mostly small, some empty, up to VALUE_MAX; never 1 to RECORD_MIN - 1.
 */
size_t record_random_size(uint64_t *random);

/* The next number of a small generator; *state must not be 0. */
uint64_t random_next(uint64_t *state);

/* By the clock that never jumps. */
uint64_t now_ns(void);

#endif
