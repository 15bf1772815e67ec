#ifndef CACHEFS_FILE_ENTRY_WRITE_H
#define CACHEFS_FILE_ENTRY_WRITE_H

/* Writes the text of an entry (file/entry.h). No state. */

#include <stddef.h>
#include <time.h>

#include "file/entry.h"
#include "base/meta.h"
#include "base/value.h"

/*
 * Makes the text of an entry, malloc'ed. value NULL: the text of a directory's marker. origin NULL:
 * the entry was not renamed. written: the mtime that the file will have, NULL: not known. 0,
 * -ENOMEM, or -errno if the value cannot be read.
 */
int file_entry_write(struct key key, const struct file_origin *origin, struct value *value,
		     const struct meta *meta, const struct timespec *written, char **text,
		     size_t *size);

#endif
