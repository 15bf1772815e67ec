#ifndef CACHEFS_FILE_READ_H
#define CACHEFS_FILE_READ_H

/* What the files of a file layer say: read when they look different, and entered in the index.
 * Within a change, or before the layer has loaded; with no lock held. */

#include "file/layer.h"

/*
 * Reads the file again if it looks different from what is known (read_again: in any case, and to
 * its end), or forgets it if it is gone. Tells env->changed() of what another program has done. 0,
 * also if it holds no entry, or -errno: nobody knows; -EAGAIN: it is being written.
 */
int file_reload(struct file_layer *f, const char *name);
int file_read_again(struct file_layer *f, const char *name);

/* Forgets all files, and tells that they are gone. */
void file_forget_all(struct file_layer *f);

/* The whole text of an open file, malloc'ed and terminated. -EFBIG: no entry is so large; -EAGAIN:
 * it was cut off meanwhile; or -errno. At any time. */
int file_text(int fd, uint64_t size, char **text);

#endif
