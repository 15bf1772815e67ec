#ifndef CACHEFS_WHOLE_H
#define CACHEFS_WHOLE_H

/*
 * Reads and writes of whole ranges of a file. The functions continue when the system call is
 * partial or interrupted. The position of the descriptor does not move. Thread-safe; they block as
 * long as the disk needs.
 */

#include <stddef.h>
#include <stdint.h>

/* 0; -ENODATA: the file ends before the range does, and the buffer has the bytes until there; or
 * -errno. */
int whole_read(int fd, void *bytes, size_t size, uint64_t offset);

/* 0 or -errno; -ENOSPC also if a quota is used up. */
int whole_write(int fd, const void *bytes, size_t size, uint64_t offset);

#endif
