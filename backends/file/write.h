#ifndef CACHEFS_FILE_WRITE_H
#define CACHEFS_FILE_WRITE_H

/*
 * How files of a file layer are written: the old file or the new one is there at every instant. If
 * the directory has been removed it is made anew; where the disk is full others are evicted:
 * -ENOSPC, also of a quota: in vain. Within a change, with no lock held.
 */

#include "file/entry.h"
#include "file/layer.h"

/*
 * Stores an entry under the name, whatever was there. was: the entry that it has been till now,
 * under this key or (renamed) another one; it takes over its age, and with that its turn to be
 * evicted, in the index as well, where that one comes out; its file, if it has another name, is the
 * caller's to remove. NULL: it is new. 0 or -errno.
 */
int file_store(struct file_layer *f, const char *name, struct key key, struct value *value,
	       const struct meta *meta, const struct file_origin *was);

/*
 * Writes the text under the name. How it looks comes out. On a full disk a text that is no longer
 * than the old one is written over it, so that what takes something out of a list needs no space.
 * 0 or -errno.
 */
int file_write(struct file_layer *f, const char *name, const char *text, size_t size,
	       struct file_look *look);

#endif
