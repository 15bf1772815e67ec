/* See working_copy.h. */
#include "working_copy.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAP_MIN = 4096 };

void working_copy_init(struct working_copy *wc, struct working_copies *all, struct value *value)
{
	*wc = (struct working_copy){ .all = all, .fd = -1, .spare = -1 };
	if (value) {
		wc->frozen = value_ref(value);
		wc->size = value_size(value);
	}
}

void working_copy_note_changed(struct working_copy *wc, struct range range)
{
	if (range.begin >= range.end)
		return;
	bool none = wc->changed.begin >= wc->changed.end;

	if (none || range.begin < wc->changed.begin)
		wc->changed.begin = range.begin;
	if (none || range.end > wc->changed.end)
		wc->changed.end = range.end;
}

struct range working_copy_take_changed(struct working_copy *wc)
{
	struct range range = wc->changed;

	wc->changed = (struct range){ 0, 0 };
	return range;
}

/* Charges the copy for `bytes` in all; false: over the bound. */
static bool charge(struct working_copy *wc, uint64_t bytes)
{
	struct working_copies *all = wc->all;

	if (bytes > wc->charged) {
		uint64_t more = bytes - wc->charged;
		uint64_t before = atomic_fetch_add(&all->bytes, more);
		if (before + more > all->max_bytes) {
			atomic_fetch_sub(&all->bytes, more);
			return false;
		}
	} else {
		atomic_fetch_sub(&all->bytes, wc->charged - bytes);
	}
	wc->charged = bytes;
	return true;
}

static void charge_heap(struct working_copy *wc, uint64_t bytes)
{
	atomic_fetch_add(&wc->all->heap_bytes, bytes - wc->heap_charged);
	wc->heap_charged = bytes;
}

int working_copy_hold(struct working_copy *wc)
{
	if (wc->frozen && value_bytes(wc->frozen))
		charge_heap(wc, wc->size);
	return charge(wc, wc->size > wc->charged ? wc->size : wc->charged) ? 0 : -ENOSPC;
}

void working_copy_let_go(struct working_copy *wc)
{
	if (!wc->frozen)
		return;
	charge(wc, 0);
	charge_heap(wc, 0);
}

uint64_t working_copy_reserve(struct working_copy *wc, uint64_t size)
{
	if (size <= wc->charged || size > wc->all->max_bytes || charge(wc, size))
		return 0;
	return size - wc->charged;
}

uint64_t working_copies_left(const struct working_copies *all)
{
	uint64_t used = atomic_load(&all->bytes);

	return used < all->max_bytes ? all->max_bytes - used : 0;
}

static void drop_own(struct working_copy *wc)
{
	free(wc->heap);
	wc->heap = NULL;
	wc->capacity = 0;
	if (wc->fd >= 0)
		close(wc->fd);
	wc->fd = -1;
	if (wc->spare >= 0)
		close(wc->spare);
	wc->spare = -1;
	charge(wc, 0);
	charge_heap(wc, 0);
}

void working_copy_fini(struct working_copy *wc)
{
	if (!wc->all)
		return;
	drop_own(wc);
	value_unref(wc->frozen);
	*wc = (struct working_copy){ .fd = -1, .spare = -1 };
}

uint64_t working_copy_shared(const struct working_copy *wc)
{
	return wc->frozen ? wc->size : 0;
}

static int write_all(int fd, const uint8_t *bytes, size_t size, uint64_t offset)
{
	while (size > 0) {
		ssize_t n = pwrite(fd, bytes, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EDQUOT ? -ENOSPC : -errno;
		bytes += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

ssize_t working_copy_read(const struct working_copy *wc, void *buffer, size_t size, uint64_t offset)
{
	if (offset >= wc->size)
		return 0;
	if (size > wc->size - offset)
		size = (size_t)(wc->size - offset);
	if (wc->frozen)
		return value_read(wc->frozen, buffer, size, offset);
	if (wc->fd < 0) {
		memcpy(buffer, wc->heap + offset, size);
		return (ssize_t)size;
	}
	ssize_t n = pread(wc->fd, buffer, size, (off_t)offset);
	return n < 0 ? -errno : n;
}

bool working_copy_needs_file(const struct working_copy *wc, uint64_t size)
{
	const struct working_copies *all = wc->all;

	if (wc->fd >= 0 || wc->spare >= 0)
		return false;
	return size > all->heap_max_bytes || wc->size > all->heap_max_bytes ||
	       (size > wc->capacity &&
		atomic_load(&all->heap_bytes) + size > all->heap_total_bytes);
}

void working_copy_give_file(struct working_copy *wc, int fd)
{
	if (wc->spare < 0 && wc->fd < 0)
		wc->spare = fd;
	else
		close(fd);
}

/* Writes the first `size` bytes of the content into a file. */
static int content_to_file(const struct working_copy *wc, uint64_t size, int fd)
{
	if (wc->frozen)
		return value_to_file(wc->frozen, size, fd);
	return write_all(fd, wc->heap, (size_t)size, 0);
}

/* Makes the content the copy's own, in a file, keeping the first `keep` bytes. */
static int own_in_file(struct working_copy *wc, uint64_t keep)
{
	if (wc->fd >= 0)
		return 0;
	assert(wc->spare >= 0);
	int rc = content_to_file(wc, keep, wc->spare);
	if (rc < 0)
		return rc;
	free(wc->heap);
	wc->heap = NULL;
	wc->capacity = 0;
	charge_heap(wc, 0);
	value_unref(wc->frozen);
	wc->frozen = NULL;
	wc->fd = wc->spare;
	wc->spare = -1;
	return 0;
}

/* Makes the content the copy's own, on the heap, with room for `size` bytes, keeping the first
 * `keep`. */
static int own_on_heap(struct working_copy *wc, uint64_t size, uint64_t keep)
{
	if (!wc->frozen && size <= wc->capacity)
		return 0;
	uint64_t capacity = HEAP_MIN;
	while (capacity < size)
		capacity *= 2;
	uint8_t *heap = malloc((size_t)capacity);
	if (!heap)
		return -ENOMEM;
	ssize_t n = keep > 0 ? working_copy_read(wc, heap, (size_t)keep, 0) : 0;
	if (n < 0 || (uint64_t)n != keep) {
		free(heap);
		return n < 0 ? (int)n : -EIO;
	}
	free(wc->heap);
	value_unref(wc->frozen);
	wc->frozen = NULL;
	wc->heap = heap;
	wc->capacity = capacity;
	charge_heap(wc, capacity);
	return 0;
}

/* Ready to be changed, and to hold `size` bytes, of which the first `keep` are still wanted. */
static int own(struct working_copy *wc, uint64_t size, uint64_t keep)
{
	uint64_t charged = wc->charged;

	if (size > INT64_MAX)
		return -EFBIG;
	if (!charge(wc, size > wc->charged ? size : wc->charged))
		return -ENOSPC;
	bool in_file = wc->fd >= 0 || wc->spare >= 0 || size > wc->all->heap_max_bytes;
	int rc = in_file ? own_in_file(wc, keep) : own_on_heap(wc, size, keep);
	if (rc < 0)
		charge(wc, charged);
	return rc;
}

int working_copy_write(struct working_copy *wc, const void *buffer, size_t size, uint64_t offset)
{
	uint64_t end;

	if (__builtin_add_overflow(offset, size, &end) || offset > wc->all->max_bytes)
		return -EFBIG;
	if (size == 0)
		return 0;
	int rc = own(wc, end > wc->size ? end : wc->size, wc->size);
	if (rc < 0)
		return rc;
	if (wc->fd >= 0) {
		rc = write_all(wc->fd, buffer, size, offset);
		if (rc < 0)
			return rc;
	} else {
		if (offset > wc->size)
			memset(wc->heap + wc->size, 0, (size_t)(offset - wc->size));
		memcpy(wc->heap + offset, buffer, size);
	}
	working_copy_note_changed(wc, (struct range){ offset < wc->size ? offset : wc->size, end });
	if (end > wc->size)
		wc->size = end;
	return 0;
}

int working_copy_truncate(struct working_copy *wc, uint64_t size)
{
	if (size == wc->size)
		return 0;
	if (size == 0) {
		drop_own(wc);
		value_unref(wc->frozen);
		wc->frozen = NULL;
		wc->size = 0;
		return 0;
	}
	if (size > wc->all->max_bytes)
		return -EFBIG;
	int rc = own(wc, size, size < wc->size ? size : wc->size);
	if (rc < 0)
		return rc;
	if (wc->fd >= 0) {
		if (ftruncate(wc->fd, (off_t)size) < 0)
			return -errno;
	} else if (size > wc->size) {
		memset(wc->heap + wc->size, 0, (size_t)(size - wc->size));
	}
	working_copy_note_changed(wc, (struct range){ wc->size, size });
	wc->size = size;
	charge(wc, size);
	return 0;
}

static int punch(int fd, uint64_t offset, uint64_t size)
{
	static const uint8_t zeros[64 * 1024];

	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size) ==
	    0)
		return 0;
	int rc = errno == EOPNOTSUPP ? 0 : -errno;
	while (rc == 0 && size > 0) {
		size_t part = size < sizeof(zeros) ? (size_t)size : sizeof(zeros);
		rc = write_all(fd, zeros, part, offset);
		offset += part;
		size -= part;
	}
	return rc;
}

int working_copy_zero(struct working_copy *wc, uint64_t offset, uint64_t size)
{
	if (offset >= wc->size || size == 0)
		return 0;
	if (size > wc->size - offset)
		size = wc->size - offset;
	int rc = own(wc, wc->size, wc->size);
	if (rc < 0)
		return rc;
	working_copy_note_changed(wc, (struct range){ offset, offset + size });
	if (wc->fd >= 0)
		return punch(wc->fd, offset, size);
	memset(wc->heap + offset, 0, (size_t)size);
	return 0;
}

struct value *working_copy_freeze(struct working_copy *wc)
{
	if (wc->frozen)
		return value_ref(wc->frozen);
	struct value *value;
	if (wc->fd >= 0) {
		value = value_from_file(wc->fd, 0, wc->size);
		wc->fd = -1;
	} else {
		/* Gives back what growing by doubling took too much; cannot fail for a shrink that
		 * matters. */
		uint8_t *exact = wc->size > 0 ? realloc(wc->heap, (size_t)wc->size) : wc->heap;
		if (!exact)
			exact = wc->heap;
		if (wc->size > 0)
			wc->heap = NULL;
		wc->capacity = 0;
		value = wc->size > 0 ? value_adopt(exact, (size_t)wc->size) : value_copy("", 0);
	}
	if (!value) {
		wc->size = 0;
		return NULL;
	}
	drop_own(wc);
	wc->frozen = value_ref(value);
	return value;
}
