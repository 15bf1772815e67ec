#ifndef CACHEFS_TEST_DAMAGE_H
#define CACHEFS_TEST_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Random damage: a flipped bit or a cut. The numbers follow from a seed, DAMAGE_SEED in the
 * environment (1), and each piece of damage from its own number, so it can be done alone:
 *   DAMAGE_FIRST  the number of the first (1)
 *   DAMAGE_COUNT  how many (LONG=1: 2000)
 */
struct damage {
	uint64_t number, last;
	uint64_t state;
	char text[160]; /* what was done, and how to do it again */
};

void damage_start(struct damage *d, unsigned by_default);
bool damage_next(struct damage *d); /* the next number; false: no more */

size_t damage_below(struct damage *d, size_t limit); /* a random number; 0 for a limit of 0 */

/* Flips a bit of the bytes or cuts them off; the size that is left. name: what they are. */
size_t damage_do(struct damage *d, const char *name, void *bytes, size_t size);

/* A file whole, malloc'ed; and written anew. They fail the test. */
uint8_t *damage_read_file(const char *path, size_t *size);
void damage_write_file(const char *path, const void *bytes, size_t size);

#endif
