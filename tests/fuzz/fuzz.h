#ifndef CACHEFS_FUZZ_H
#define CACHEFS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * A deterministic mutator, for anything that takes bytes it cannot trust. A target is one file with
 * a fuzz_target and a main() that calls fuzz_main(); built with the address sanitizer it finds
 * crashes and leaks, and what it asserts about each input besides.
 *
 * Each input has a number, from which it follows alone. From the environment:
 *   FUZZ_COUNT  how many inputs (20000; 1000000 if LONG is set)
 *   FUZZ_FIRST  the number of the first (1)
 * A failure prints the number of the input that was being run, and how to run it alone; with
 * FUZZ_COUNT=1 the input itself is printed too.
 */
struct fuzz_seed {
	const void *bytes;
	size_t size;
};

#define FUZZ_TEXT(text)                                                                            \
	{                                                                                          \
		(text), sizeof(text) - 1                                                           \
	}

struct fuzz_target {
	const char *name;
	const struct fuzz_seed *seeds; /* good inputs, to be spoilt; the last has bytes NULL */
	const char *const *words;      /* what the language consists of; ends with NULL */

	/* Gives the bytes to the parser; asserts what must hold. They are malloc'ed with just this
	 * size, so that reading past the end is found. */
	void (*run)(const uint8_t *bytes, size_t size);
};

/* 0, or does not return. */
int fuzz_main(const struct fuzz_target *target);

#endif
