/* See working_copy.h. */
#include "inodes/working_copy.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/whole.h"

enum { HEAP_MIN = 4096, BLOCK = 4096 };

void working_copy_init(struct working_copy *wc, struct working_copies *all, struct value *value)
{
	*wc = (struct working_copy){ .all = all, .fd = -1, .spare = -1, .uid = all->owner };
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

static bool add_within(atomic_uint_fast64_t *sum, uint64_t more, uint64_t max)
{
	if (atomic_fetch_add(sum, more) + more <= max)
		return true;
	atomic_fetch_sub(sum, more);
	return false;
}

/* Takes the bytes from that user's share; false: they are not in it. */
static bool take_share(struct working_copies *all, uid_t uid, uint64_t bytes)
{
	return uid == all->owner ||
	       add_within(&all->by_uid[uid % WORKING_COPY_UIDS], bytes, all->max_bytes / 2);
}

static void give_share_back(struct working_copies *all, uid_t uid, uint64_t bytes)
{
	if (uid != all->owner)
		atomic_fetch_sub(&all->by_uid[uid % WORKING_COPY_UIDS], bytes);
}

/* Charges the copy for `bytes` in all; false: over the bound. */
static bool charge(struct working_copy *wc, uint64_t bytes)
{
	struct working_copies *all = wc->all;

	if (bytes > wc->charged) {
		uint64_t more = bytes - wc->charged;
		if (!take_share(all, wc->uid, more))
			return false;
		if (!add_within(&all->bytes, more, all->max_bytes)) {
			give_share_back(all, wc->uid, more);
			return false;
		}
	} else {
		atomic_fetch_sub(&all->bytes, wc->charged - bytes);
		give_share_back(all, wc->uid, wc->charged - bytes);
	}
	wc->charged = bytes;
	return true;
}

/* Whoever writes is charged for all of it. */
static bool charge_to(struct working_copy *wc, uid_t uid)
{
	if (uid == wc->uid)
		return true;
	if (!take_share(wc->all, uid, wc->charged))
		return false;
	give_share_back(wc->all, wc->uid, wc->charged);
	wc->uid = uid;
	return true;
}

/* What a file takes of the disk; its holes are free. */
static uint64_t allocated(int fd, uint64_t size)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return size;
	uint64_t bytes = (uint64_t)st.st_blocks * 512;
	return bytes < size ? bytes : size;
}

/* The content as it is now. */
static uint64_t taken(const struct working_copy *wc)
{
	uint64_t offset;
	int fd = wc->frozen ? value_fd(wc->frozen, &offset) : wc->fd;

	return allocated(fd, wc->size);
}

/* What a change of `bytes` bytes can take that makes the content `size` bytes large, its first
 * `keep` bytes being wanted: at most all of it. */
static uint64_t foreseen(const struct working_copy *wc, uint64_t size, uint64_t keep,
			 uint64_t bytes)
{
	bool in_file = wc->fd >= 0 || wc->spare >= 0 || size > wc->all->heap_max_bytes;
	uint64_t now = wc->fd >= 0 ? wc->charged : keep;

	if (!in_file || bytes > size || now > size - bytes || size - bytes - now < 2 * BLOCK)
		return size;
	return now + bytes + 2 * BLOCK; /* it may begin and end within a block */
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
	uint64_t bytes = taken(wc);
	return charge(wc, bytes > wc->charged ? bytes : wc->charged) ? 0 : -ENOSPC;
}

void working_copy_let_go(struct working_copy *wc)
{
	if (!wc->frozen)
		return;
	charge(wc, 0);
	charge_heap(wc, 0);
}

uint64_t working_copy_reserve(struct working_copy *wc, uid_t uid, uint64_t size, uint64_t bytes)
{
	if (size > wc->all->max_bytes)
		return 0;
	if (size < wc->size)
		size = wc->size;
	if (!charge_to(wc, uid))
		return wc->charged > 0 ? wc->charged : 1;
	uint64_t need = foreseen(wc, size, wc->size, bytes);
	if (need <= wc->charged || charge(wc, need))
		return 0;
	return need - wc->charged;
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
	return whole_write(fd, wc->heap, (size_t)size, 0);
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

/* Ready for a change of `bytes` bytes, and to hold `size` bytes, of which the first `keep` are still
 * wanted. */
static int own(struct working_copy *wc, uint64_t size, uint64_t keep, uint64_t bytes)
{
	uint64_t charged = wc->charged;

	if (size > INT64_MAX)
		return -EFBIG;
	uint64_t need = foreseen(wc, size, keep, bytes);
	if (!charge(wc, need > wc->charged ? need : wc->charged))
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
	uint64_t whole = end > wc->size ? end : wc->size;
	int rc = own(wc, whole, wc->size, size);
	if (rc < 0)
		return rc;
	if (wc->fd >= 0) {
		rc = whole_write(wc->fd, buffer, size, offset);
		charge(wc, allocated(wc->fd, whole));
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
	int rc = own(wc, size, size < wc->size ? size : wc->size, 0);
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
	charge(wc, taken(wc));
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
		rc = whole_write(fd, zeros, part, offset);
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
	int rc = own(wc, wc->size, wc->size, 0);
	if (rc < 0)
		return rc;
	working_copy_note_changed(wc, (struct range){ offset, offset + size });
	if (wc->fd >= 0) {
		rc = punch(wc->fd, offset, size);
		charge(wc, taken(wc));
		return rc;
	}
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
