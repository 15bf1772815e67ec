#ifndef CACHEFS_FILE_ENTRY_WRITE_H
#define CACHEFS_FILE_ENTRY_WRITE_H

/* The text of an entry, as file/entry.h has it. No state. */

#include <stddef.h>
#include <time.h>

#include "file/entry.h"
#include "base/meta.h"
#include "base/value.h"

/*
 * The text of an entry, malloc'ed. value NULL: of a directory's marker; origin NULL: it is not
 * renamed; written: the mtime that its file will have, NULL: not known. 0, -ENOMEM, or -errno of a
 * value that cannot be read.
 */
int file_entry_write(struct key key, const struct file_origin *origin, struct value *value,
		     const struct meta *meta, const struct timespec *written, char **text,
		     size_t *size);

#endif
