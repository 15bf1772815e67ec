/* Reference-counted bytes of entries, on the heap or in a file. See value.h. */
#include "base/value.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/whole.h"

enum { CHUNK = 1024 * 1024 };

struct value {
	atomic_size_t refs;
	atomic_size_t holders; /* handles that have it open */
	uint64_t size;
	void *bytes;     /* inline_bytes, or malloc'ed; NULL: a file's range */
	int fd;          /* -1 for heap bytes */
	uint64_t offset; /* in the file */
	atomic_uint_fast64_t checksum;
	atomic_bool checksum_known; /* set after checksum */
	bool file_offered;          /* value_offer_file() */
	uint8_t inline_bytes[];
};

static struct value *value_new(uint64_t size, size_t inline_size)
{
	size_t total;

	if (__builtin_add_overflow(sizeof(struct value), inline_size, &total))
		return NULL;
	struct value *value = malloc(total);
	if (!value)
		return NULL;
	atomic_init(&value->refs, 1);
	atomic_init(&value->holders, 0);
	atomic_init(&value->checksum, 0);
	atomic_init(&value->checksum_known, false);
	value->size = size;
	value->bytes = value->inline_bytes;
	value->fd = -1;
	value->offset = 0;
	value->file_offered = false;
	return value;
}

struct value *value_copy(const void *bytes, size_t size)
{
	struct value *value = value_new(size, size);

	if (value && size > 0)
		memcpy(value->inline_bytes, bytes, size);
	return value;
}

struct value *value_adopt(void *bytes, size_t size)
{
	struct value *value = value_new(size, 0);

	if (!value)
		free(bytes);
	else if (bytes)
		value->bytes = bytes;
	return value;
}

struct value *value_from_file(int fd, uint64_t offset, uint64_t size)
{
	uint64_t end;

	if (__builtin_add_overflow(offset, size, &end) || end > INT64_MAX) {
		close(fd);
		return NULL;
	}
	struct value *value = value_new(size, 0);
	if (!value) {
		close(fd);
		return NULL;
	}
	value->bytes = NULL;
	value->fd = fd;
	value->offset = offset;
	return value;
}

struct value *value_ref(struct value *value)
{
	atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);
	return value;
}

void value_unref(struct value *value)
{
	if (!value)
		return;
	size_t before = atomic_fetch_sub_explicit(&value->refs, 1, memory_order_acq_rel);
	assert(before > 0);
	if (before > 1)
		return;
	if (value->bytes != value->inline_bytes)
		free(value->bytes);
	if (value->fd >= 0)
		close(value->fd);
	free(value);
}

void value_hold(struct value *value)
{
	atomic_fetch_add_explicit(&value->holders, 1, memory_order_relaxed);
}

void value_let_go(struct value *value)
{
	size_t before = atomic_fetch_sub_explicit(&value->holders, 1, memory_order_relaxed);

	assert(before > 0);
	(void)before;
}

bool value_is_held(const struct value *value)
{
	return atomic_load_explicit(&value->holders, memory_order_relaxed) > 0;
}

uint64_t value_size(const struct value *value)
{
	return value->size;
}

const void *value_bytes(const struct value *value)
{
	return value->bytes;
}

int value_fd(const struct value *value, uint64_t *offset)
{
	if (value->fd >= 0)
		*offset = value->offset;
	return value->fd;
}

void value_offer_file(struct value *value)
{
	value->file_offered = true;
}

bool value_file_is_offered(const struct value *value)
{
	return value->file_offered;
}

/* A file that ends before the value does has been damaged: -EIO. */
static ssize_t file_read(int fd, uint8_t *buffer, size_t size, uint64_t offset)
{
	int rc = whole_read(fd, buffer, size, offset);

	return rc == -ENODATA ? -EIO : rc < 0 ? rc : (ssize_t)size;
}

ssize_t value_read(const struct value *value, void *buffer, size_t size, uint64_t offset)
{
	if (offset >= value->size)
		return 0;
	if (size > value->size - offset)
		size = (size_t)(value->size - offset);
	if (value->fd >= 0)
		return file_read(value->fd, buffer, size, value->offset + offset);
	memcpy(buffer, (const uint8_t *)value->bytes + offset, size);
	return (ssize_t)size;
}

ssize_t value_try_read(const struct value *value, void *buffer, size_t size, uint64_t offset)
{
	if (value->fd < 0 || offset >= value->size)
		return value_read(value, buffer, size, offset);
	if (size > value->size - offset)
		size = (size_t)(value->size - offset);
	struct iovec part = { buffer, size };
	ssize_t n = preadv2(value->fd, &part, 1, (off_t)(value->offset + offset), RWF_NOWAIT);
	/* Whatever is not there at once, or not known to this file system, is for value_read() to
	 * say. */
	return n == (ssize_t)size ? n : -EAGAIN;
}

/* Within one file system. Returns how much it did. */
static uint64_t copy_in_kernel(const struct value *value, uint64_t size, int fd)
{
	off64_t in = (off64_t)value->offset, out = 0;
	uint64_t done = 0;

	while (value->fd >= 0 && done < size) {
		ssize_t n = copy_file_range(value->fd, &in, fd, &out, (size_t)(size - done), 0);
		if (n <= 0)
			break;
		done += (uint64_t)n;
	}
	return done;
}

int value_to_file(const struct value *value, uint64_t size, int fd)
{
	if (value->fd < 0)
		return whole_write(fd, value->bytes, (size_t)size, 0);
	uint64_t done = copy_in_kernel(value, size, fd);
	uint8_t *chunk = done < size ? malloc(CHUNK) : NULL;
	int rc = done < size && !chunk ? -ENOMEM : 0;
	while (rc == 0 && done < size) {
		size_t want = size - done < CHUNK ? (size_t)(size - done) : CHUNK;
		ssize_t n = value_read(value, chunk, want, done);
		rc = n < 0 ? (int)n : n == 0 ? -EIO : whole_write(fd, chunk, (size_t)n, done);
		done += n > 0 ? (uint64_t)n : 0;
	}
	free(chunk);
	return rc;
}

struct value *value_load(struct value *value)
{
	if (value->fd < 0)
		return value_ref(value);
	struct value *loaded = value->size <= SIZE_MAX ? value_new(value->size, value->size) : NULL;
	if (!loaded)
		return NULL;
	if (file_read(value->fd, loaded->inline_bytes, (size_t)value->size, value->offset) < 0) {
		value_unref(loaded);
		return NULL;
	}
	return loaded;
}

static int file_checksum(const struct value *value, uint64_t *checksum)
{
	XXH3_state_t *state = XXH3_createState();
	uint8_t *chunk = malloc(CHUNK);
	int rc = -ENOMEM;

	if (!state || !chunk || XXH3_64bits_reset(state) != XXH_OK)
		goto out;
	for (uint64_t offset = 0; offset < value->size;) {
		ssize_t n = value_read(value, chunk, CHUNK, offset);
		if (n < 0) {
			rc = (int)n;
			goto out;
		}
		XXH3_64bits_update(state, chunk, (size_t)n);
		offset += (uint64_t)n;
	}
	*checksum = XXH3_64bits_digest(state);
	rc = 0;
out:
	free(chunk);
	XXH3_freeState(state);
	return rc;
}

int value_checksum(const struct value *value, uint64_t *checksum)
{
	struct value *known = (struct value *)value; /* the cached sum is no part of what it is */

	if (atomic_load_explicit(&known->checksum_known, memory_order_acquire)) {
		*checksum = atomic_load_explicit(&known->checksum, memory_order_relaxed);
		return 0;
	}

	uint64_t sum = 0;
	if (value->fd >= 0) {
		int rc = file_checksum(value, &sum);
		if (rc < 0)
			return rc;
	} else {
		sum = XXH3_64bits(value->bytes, (size_t)value->size);
	}
	/* Threads that come together compute the same sum. */
	atomic_store_explicit(&known->checksum, sum, memory_order_relaxed);
	atomic_store_explicit(&known->checksum_known, true, memory_order_release);
	*checksum = sum;
	return 0;
}
