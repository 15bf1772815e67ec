#ifndef CACHEFS_FILE_WRITE_H
#define CACHEFS_FILE_WRITE_H

/*
 * Writes files of a file layer: at every instant the old file or the new one is there. If the
 * directory was removed, the module makes it again. If the disk is full, the module evicts other
 * entries; -ENOSPC (also for a quota): that was not enough. Within a change, with no lock held.
 */

#include "file/entry.h"
#include "file/layer.h"

/*
 * Stores an entry under the name and replaces the file there. `was` is the former entry, under this
 * key or (after a rename) another key. The new entry takes over its age, so also its turn to be
 * evicted, and its place in the index. If the former file has another name, the caller removes it.
 * was NULL: the entry is new. 0 or -errno.
 */
int file_store(struct file_layer *f, const char *name, struct key key, struct value *value,
	       const struct meta *meta, const struct file_origin *was);

/*
 * Writes the text under the name. *look is the look of the new file. On a full disk, a text that is
 * no longer than the old file overwrites it, so that a removal from a list needs no space. 0 or
 * -errno.
 */
int file_write(struct file_layer *f, const char *name, const char *text, size_t size,
	       struct file_look *look);

#endif
