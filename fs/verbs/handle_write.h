#ifndef CACHEFS_HANDLE_WRITE_H
#define CACHEFS_HANDLE_WRITE_H

/*
 * Changes of a writer's content, that is, of its inode's working copy. Functions wait, and want no
 * lock held. 0 or -errno: -EBADF, the handle does not write; -ENOSPC, there is no room; -EFBIG,
 * there can be no room. A write that fails poisons the handle: later calls fail with the same
 * errno, and nothing is published.
 */

#include "verbs/handle.h"

/* append: writes at the end of the file, and ignores offset. */
int handle_write(struct fs *fs, struct handle *handle, const void *buffer, size_t size,
		 uint64_t offset, bool append);
int handle_truncate(struct fs *fs, struct handle *handle, uint64_t size);
int handle_extend(struct fs *fs, struct handle *handle,
		  uint64_t size); /* truncate that never shrinks */
/* Fills the existing part of a range with zeros. */
int handle_zero(struct fs *fs, struct handle *handle, uint64_t offset, uint64_t size);

#endif
