#ifndef CACHEFS_HANDLE_WRITE_H
#define CACHEFS_HANDLE_WRITE_H

/*
 * Changes of what a writer has open: of its inode's working copy. 0 or -errno: -EBADF, the handle
 * does not write; -ENOSPC or -EFBIG, there is no room, or can be none. They wait, and want no lock
 * held. A write that fails poisons the handle: what follows fails so too, nothing is published.
 */

#include "verbs/handle.h"

/* append: at the end, wherever that is; offset does not count then. */
int handle_write(struct fs *fs, struct handle *handle, const void *buffer, size_t size,
		 uint64_t offset, bool append);
int handle_truncate(struct fs *fs, struct handle *handle, uint64_t size);
int handle_extend(struct fs *fs, struct handle *handle,
		  uint64_t size); /* truncate that never shrinks */
/* Zeros in the place of a range, as far as the file goes. */
int handle_zero(struct fs *fs, struct handle *handle, uint64_t offset, uint64_t size);

#endif
