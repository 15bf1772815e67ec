#ifndef CACHEFS_FILE_NAME_H
#define CACHEFS_FILE_NAME_H

/* The names of a file layer's files. No state: any thread may call these functions at any time. */

#include <stdbool.h>

#include "base/key.h"

struct file_conf;

enum { FILE_NAME_SIZE = 256 }; /* of a file name, with its terminator */

#define FILE_OURS ".cachefs-" /* prefix of the files that are no entries */

/*
 * Writes the two possible names of a key's file. plain: the Python package's name, which other keys
 * may share; hashed: a name with the key's hash. False: only hashed is possible (plain would be too
 * long, have a NUL, or begin with FILE_OURS).
 */
bool file_names(const struct file_conf *conf, struct key key, char plain[FILE_NAME_SIZE],
		char hashed[FILE_NAME_SIZE]);

/* True if a name in the directory is the name of an entry's file. */
bool file_is_entry(const struct file_conf *conf, const char *name);

#endif
