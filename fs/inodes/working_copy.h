#ifndef CACHEFS_WORKING_COPY_H
#define CACHEFS_WORKING_COPY_H

/*
 * What a writer has written so far. It starts on the heap and moves to an unnamed file when it
 * grows; freezing it makes a value of it without copying, and the next write works on a copy again.
 * Not thread-safe: the inode's content lock guards it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/value.h"

enum { WORKING_COPY_UIDS = 4096 };

/* Bounds for all working copies of a mount. */
struct working_copies {
	uint64_t heap_max_bytes;   /* larger ones are files, */
	uint64_t heap_total_bytes; /* and all, once the others take so much of the heap */
	atomic_uint_fast64_t heap_bytes;
	uint64_t max_bytes;         /* of all together, then -ENOSPC */
	atomic_uint_fast64_t bytes; /* in use; frozen content does not count, nor do holes */
	uid_t owner;                /* may have all of it; each other user half */
	/* By user; those whose uids end alike share. */
	atomic_uint_fast64_t by_uid[WORKING_COPY_UIDS];
};

struct range {
	uint64_t begin, end; /* begin >= end: nothing */
};

struct working_copy {
	struct working_copies *all;
	struct value *frozen; /* the content, shared with a published value; or NULL: */
	uint8_t *heap;        /* the content, while fd is -1 */
	int fd;
	int spare; /* a file for it to move to, or -1 */
	uint64_t size;
	uint64_t capacity; /* of heap */
	uint64_t charged, heap_charged;
	struct range changed; /* since working_copy_take_changed() */
	uid_t uid; /* who is charged: the last who wrote to it, at first the owner of all */
};

/* Starts with value's bytes (NULL: empty), without copying; takes its own reference. */
void working_copy_init(struct working_copy *wc, struct working_copies *all, struct value *value);
void working_copy_fini(struct working_copy *wc);

/* Charges for content that is shared with a value too, until it is changed or dropped. -ENOSPC. */
int working_copy_hold(struct working_copy *wc);

/* Charges nothing any more for content that is shared with a value. */
void working_copy_let_go(struct working_copy *wc);

/* What all together may still take. */
uint64_t working_copies_left(const struct working_copies *all);

/* Bytes that the next write would have to copy first. */
uint64_t working_copy_shared(const struct working_copy *wc);

/* Charges that user beforehand for a change of `bytes` bytes that makes the content `size` bytes
 * large. 0, or how much is missing; of what can never fit nothing is. */
uint64_t working_copy_reserve(struct working_copy *wc, uid_t uid, uint64_t size, uint64_t bytes);

ssize_t working_copy_read(const struct working_copy *wc, void *buffer, size_t size,
			  uint64_t offset);

/*
 * Whether a change that makes the copy `size` bytes large needs a file to move to. It is given
 * beforehand, because getting it may wait and nobody should while holding the copy's lock.
 * working_copy_give_file() takes the fd over, and closes it if there is no need any more.
 */
bool working_copy_needs_file(const struct working_copy *wc, uint64_t size);
void working_copy_give_file(struct working_copy *wc, int fd);

/* 0 or -errno (-ENOSPC; -EFBIG: beyond what all together may take; -ENOMEM, -EIO); the content is
 * unchanged after a failure (-EIO: but for the range), holes read as zeros. */
int working_copy_write(struct working_copy *wc, const void *buffer, size_t size, uint64_t offset);
int working_copy_truncate(struct working_copy *wc, uint64_t size);
/* What there is of a range becomes zeros, which take no space in a file; the size stays. */
int working_copy_zero(struct working_copy *wc, uint64_t offset, uint64_t size);

/* What was written, or came with a new size, since the last such call: one range that holds all. */
struct range working_copy_take_changed(struct working_copy *wc);
void working_copy_note_changed(struct working_copy *wc, struct range range);

/* The content as a value; the caller gets a reference. NULL: out of memory; the content is lost
 * then. */
struct value *working_copy_freeze(struct working_copy *wc);

#endif
