#ifndef CACHEFS_CHILDREN_H
#define CACHEFS_CHILDREN_H

/*
 * Sets that more processes than one have open: children inherit the descriptor, and close it when
 * they exit, which does not end the set. What was written in part by who is killed is no set.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A child that has all descriptors of this process, and exits. */
bool child_exits(void);

/*
 * Writes all bytes from the start of the file, some by children; others exit, or are other
 * programs, in between. False: a call failed, errno says which way.
 */
enum pieces { PIECES_ONE, PIECES_SEVERAL };
bool write_with_children(int fd, const char *bytes, size_t size, enum pieces pieces,
			 uint64_t *random);

/* `( head; cat ) >path` by a shell that gets the bytes; path is below dir_fd. */
bool set_by_subshell(int dir_fd, const char *path, const char *bytes, size_t size,
		     uint64_t *random);

/* A group of processes that begins to set path to the bytes, and is killed with one signal before
 * it has written all. False: it could not be started, or could not write. */
bool set_and_be_killed(int dir_fd, const char *path, const char *bytes, size_t size,
		       uint64_t *random);

#endif
