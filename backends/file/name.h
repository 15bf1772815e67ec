#ifndef CACHEFS_FILE_NAME_H
#define CACHEFS_FILE_NAME_H

/* What the files of a file layer are called. No state: at any time, in any thread. */

#include <stdbool.h>

#include "base/key.h"

struct file_conf;

enum { FILE_NAME_SIZE = 256 }; /* of a file name, with its terminator */

#define FILE_OURS ".cachefs-" /* begins the names of files that are no entries */

/*
 * The two names that a key's file may have: the Python package's, which other keys may have as
 * well, and one with the key's hash. False: only the second (the first would be too long).
 */
bool file_names(const struct file_conf *conf, struct key key, char plain[FILE_NAME_SIZE],
		char hashed[FILE_NAME_SIZE]);

/* Whether a directory entry is an entry's file. */
bool file_is_entry(const struct file_conf *conf, const char *name);

#endif
