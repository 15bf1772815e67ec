#ifndef CACHEFS_FILE_LOOK_H
#define CACHEFS_FILE_LOOK_H

/*
 * How a file looks from outside. Another look: another content. But one that another program writes
 * in place may be written again within a tick of the clock, and look the same: while a file was
 * young when it was looked at, its look proves nothing, and it is read again.
 *
 * No state: at any time, in any thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct file_look {
	struct timespec mtime;
	uint64_t size, ino;
	uint64_t hash; /* of a foreign file's text; 0: not known */
	bool young;    /* such a file, read while its mtime was about now */
};

/* Looks at an open file, or at what is under the name: hash and young come out empty. 0 or -errno,
 * of an open one -EISDIR: it is no regular file. */
int file_look_at(int fd, struct file_look *look);
int file_look_of(int dir_fd, const char *name, struct file_look *look);

bool file_looks_same(const struct file_look *a, const struct file_look *b); /* from outside */

/* Whether the mtime may be another write's as well. Clocks of other machines differ. */
bool file_is_young(const struct timespec *mtime);

#endif
