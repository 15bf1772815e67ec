#ifndef CACHEFS_VALUE_H
#define CACHEFS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The bytes of one entry: on the heap, or a range of a file. Immutable once made, so any thread
 * may read one without a lock. A function that returns a value gives the caller a reference; who
 * holds one, unrefs it. Files are read, never mapped: a value larger than memory is slow, not
 * fatal.
 */
struct value;

struct value *value_copy(const void *bytes, size_t size); /* NULL: out of memory */
struct value *value_adopt(void *bytes,
			  size_t size); /* malloc'ed bytes become the value's, even on failure */
struct value *value_from_file(int fd, uint64_t offset,
			      uint64_t size); /* fd becomes the value's, even on failure */

/* The same bytes on the heap: value itself, with a reference, or a copy. NULL: out of memory, or a
 * file that cannot be read. */
struct value *value_load(struct value *value);

struct value *value_ref(struct value *value); /* returns value */
void value_unref(struct value *value);        /* NULL is fine */

/*
 * Says that a handle has the value open, beside the reference it holds, and that it has closed. A
 * layer may have to pay for a value that it dropped as long as it is held (copy_on_get).
 */
void value_hold(struct value *value);
void value_let_go(struct value *value);
bool value_is_held(const struct value *value);

uint64_t value_size(const struct value *value);
const void *value_bytes(const struct value *value); /* NULL for a file's range; valid while you hold
						       your reference */
int value_fd(const struct value *value,
	     uint64_t *offset); /* -1 for heap bytes; the fd stays the value's */

/*
 * The file is about to lose its only name: a layer may give it one of its own instead of copying
 * the bytes. Said by who made the value, before anybody else has it.
 */
void value_offer_file(struct value *value);
bool value_file_is_offered(const struct value *value);

/* Reads up to size bytes at offset; fewer only at the end. Returns the count or -errno. */
ssize_t value_read(const struct value *value, void *buffer, size_t size, uint64_t offset);

/* The same, if it can be done without waiting for a disk; otherwise -EAGAIN. */
ssize_t value_try_read(const struct value *value, void *buffer, size_t size, uint64_t offset);

/* Writes the first `size` bytes to the start of a file; the kernel shares the blocks, or copies
 * them, where it can. 0 or -errno. */
int value_to_file(const struct value *value, uint64_t size, int fd);

/* XXH3 (64 bits) of the bytes, computed once, at the first call. Returns 0 or -errno (a file that
 * cannot be read). */
int value_checksum(const struct value *value, uint64_t *checksum);

#endif
