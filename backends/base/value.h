#ifndef CACHEFS_VALUE_H
#define CACHEFS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The bytes of one entry: on the heap, or a range of a file. A value never changes, so any thread
 * may read it without a lock. A function that returns a value gives the caller a reference; the
 * holder of a reference calls value_unref(). Values read their file and never map it: a value
 * larger than memory is slow, not fatal.
 */
struct value;

struct value *value_copy(const void *bytes, size_t size); /* NULL: out of memory */
struct value *value_adopt(void *bytes,
			  size_t size); /* malloc'ed bytes become the value's, even on failure */
struct value *value_from_file(int fd, uint64_t offset,
			      uint64_t size); /* fd becomes the value's, even on failure */

/* Returns the same bytes on the heap: value itself, with a reference, or a copy. NULL: out of
 * memory, or the file cannot be read. */
struct value *value_load(struct value *value);

struct value *value_ref(struct value *value); /* returns value */
void value_unref(struct value *value);        /* NULL is fine */

/*
 * value_hold(): a handle has opened the value; the handle holds a reference too. value_let_go():
 * the handle has closed the value. While handles hold a dropped value, its layer may have to count
 * it (copy_on_get).
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
 * Notes that the file will soon lose its only name: a layer may give the file a new name instead of
 * copying the bytes. Only the maker of the value calls this, before another thread has the value.
 */
void value_offer_file(struct value *value);
bool value_file_is_offered(const struct value *value);

/* Reads up to size bytes at offset; fewer only at the end of the value. Returns the count or
 * -errno. */
ssize_t value_read(const struct value *value, void *buffer, size_t size, uint64_t offset);

/* As value_read(), but never waits for a disk: -EAGAIN if a read would have to wait. */
ssize_t value_try_read(const struct value *value, void *buffer, size_t size, uint64_t offset);

/* Writes the first `size` bytes to the start of a file. If possible, the kernel shares the blocks
 * or copies them. 0 or -errno. */
int value_to_file(const struct value *value, uint64_t size, int fd);

/* XXH3 (64 bits) of the bytes, computed at the first call only. Returns 0, or -errno if the file
 * cannot be read. */
int value_checksum(const struct value *value, uint64_t *checksum);

#endif
