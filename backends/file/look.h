#ifndef CACHEFS_FILE_LOOK_H
#define CACHEFS_FILE_LOOK_H

/*
 * The look of a file from outside: two different looks mean two different contents. But another
 * program that writes a file in place may write it again within one tick of the clock, and the look
 * stays the same. So the look of a file that was young when it was read proves nothing, and the
 * layer reads the file again.
 *
 * No state: any thread may call these functions at any time.
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct file_look {
	struct timespec mtime;
	uint64_t size, ino;
	uint64_t hash; /* of a foreign file's text; 0: not known */
	bool young;    /* a foreign or damaged file, read while its mtime was about now */
};

/* Takes the look of an open file, or of the file of that name; hash and young are empty. 0 or
 * -errno. -EISDIR: the open file is no regular file. */
int file_look_at(int fd, struct file_look *look);
int file_look_of(int dir_fd, const char *name, struct file_look *look);

bool file_looks_same(const struct file_look *a, const struct file_look *b); /* from outside */

/* True if a later write may have the same mtime. Allows for clocks of other machines. */
bool file_is_young(const struct timespec *mtime);

#endif
