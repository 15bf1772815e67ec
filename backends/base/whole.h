#ifndef CACHEFS_WHOLE_H
#define CACHEFS_WHOLE_H

/*
 * Bytes of a file, all or an error: what the system does in parts, or interrupts, goes on. The
 * place of the descriptor does not move. Thread-safe; they block for as long as the disk takes.
 */

#include <stddef.h>
#include <stdint.h>

/* 0; -ENODATA: the file ends before; or -errno. What was read of it then is in the buffer. */
int whole_read(int fd, void *bytes, size_t size, uint64_t offset);

/* 0 or -errno, with -ENOSPC for a quota that is used up as well. */
int whole_write(int fd, const void *bytes, size_t size, uint64_t offset);

#endif
