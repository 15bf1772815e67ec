#ifndef CACHEFS_FILE_READ_H
#define CACHEFS_FILE_READ_H

/* Reads the files of a file layer into the index when they look different. Within a change, or
 * before the layer has loaded, with no lock held. */

#include "file/layer.h"

/*
 * Reads the file again if its look differs from the index (file_read_again(): in any case, and to
 * its end), and removes a missing file from the index. Calls env->changed() for changes of other
 * programs. 0, also if the file holds no entry. -errno: its content is unknown; -EAGAIN: another
 * program is writing it.
 */
int file_reload(struct file_layer *f, const char *name);
int file_read_again(struct file_layer *f, const char *name);

/* Removes all files from the index, and calls env->changed() for their keys. */
void file_forget_all(struct file_layer *f);

/* Reads the whole text of an open file, malloc'ed and terminated. -EFBIG: the file is too large for
 * an entry; -EAGAIN: the file became shorter during the read; or -errno. At any time. */
int file_text(int fd, uint64_t size, char **text);

#endif
