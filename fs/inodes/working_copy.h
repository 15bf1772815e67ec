#ifndef CACHEFS_WORKING_COPY_H
#define CACHEFS_WORKING_COPY_H

/*
 * The content that a writer has written so far. A working copy starts on the heap and moves to an
 * unnamed file when it grows. Freezing makes a value of the content without copying; the next write
 * then works on a copy again. Not thread-safe: the inode's content lock guards it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/value.h"

enum { WORKING_COPY_UIDS = 4096 };

/* Bounds for all working copies of a mount. */
struct working_copies {
	uint64_t heap_max_bytes;   /* larger copies are files; */
	uint64_t heap_total_bytes; /* above this sum, new content goes to files, too */
	atomic_uint_fast64_t heap_bytes;
	uint64_t max_bytes;         /* of all copies together, then -ENOSPC */
	atomic_uint_fast64_t bytes; /* in use; frozen content and holes do not count */
	uid_t owner;                /* may use all of it; every other user half */
	/* By uid, modulo WORKING_COPY_UIDS. */
	atomic_uint_fast64_t by_uid[WORKING_COPY_UIDS];
};

struct range {
	uint64_t begin, end; /* begin >= end: nothing */
};

struct working_copy {
	struct working_copies *all;
	struct value *frozen; /* the content, shared with a published value; or NULL, then: */
	uint8_t *heap;        /* the content, while fd is -1 */
	int fd;
	int spare; /* a file that the content can move to, or -1 */
	uint64_t size;
	uint64_t capacity; /* of heap */
	uint64_t charged, heap_charged;
	struct range changed; /* since working_copy_take_changed() */
	uid_t uid;            /* who is charged: the last writer; at first the owner of all */
};

/* Starts with value's bytes (NULL: empty), without copying. Takes its own reference to value. */
void working_copy_init(struct working_copy *wc, struct working_copies *all, struct value *value);
void working_copy_fini(struct working_copy *wc);

/* Also charges for content that is shared with a value, until the content is changed or dropped. 0
 * or -ENOSPC. */
int working_copy_hold(struct working_copy *wc);

/* Stops charging for content that is shared with a value. */
void working_copy_let_go(struct working_copy *wc);

/* Bytes that all copies together may still take. */
uint64_t working_copies_left(const struct working_copies *all);

/* Bytes that the next write would have to copy first. */
uint64_t working_copy_shared(const struct working_copy *wc);

/* Charges the user in advance for a change of `bytes` bytes that makes the content `size` bytes
 * large. 0, or how many bytes are missing. A change that can never fit is not charged: 0. */
uint64_t working_copy_reserve(struct working_copy *wc, uid_t uid, uint64_t size, uint64_t bytes);

ssize_t working_copy_read(const struct working_copy *wc, void *buffer, size_t size,
			  uint64_t offset);

/*
 * True if a change that makes the copy `size` bytes large needs a file to move to. The caller gets
 * the file without the copy's lock, because that may wait. working_copy_give_file() takes the fd
 * over, and closes it if the copy does not need it any more.
 */
bool working_copy_needs_file(const struct working_copy *wc, uint64_t size);
void working_copy_give_file(struct working_copy *wc, int fd);

/* 0 or -errno: -ENOSPC; -EFBIG: larger than all copies together may be; -ENOMEM; -EIO. After a
 * failure the content is unchanged (after -EIO: except in the range). Holes read as zeros. */
int working_copy_write(struct working_copy *wc, const void *buffer, size_t size, uint64_t offset);
int working_copy_truncate(struct working_copy *wc, uint64_t size);
/* Fills the existing part of a range with zeros, which take no space in a file. The size stays. */
int working_copy_zero(struct working_copy *wc, uint64_t offset, uint64_t size);

/* The range that was written, or added by a new size, since the last such call: one range that
 * contains all changes. */
struct range working_copy_take_changed(struct working_copy *wc);
void working_copy_note_changed(struct working_copy *wc, struct range range);

/* The content as a value; the caller gets a reference. NULL: out of memory, and the content is
 * lost. */
struct value *working_copy_freeze(struct working_copy *wc);

#endif
