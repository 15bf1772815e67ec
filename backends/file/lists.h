#ifndef CACHEFS_FILE_LISTS_H
#define CACHEFS_FILE_LISTS_H

/*
 * The files of a file layer that are no entries. Each is a list of entries without a value
 * (file/entry.h).
 *
 *   .cachefs-directories   the markers of directories
 *   .cachefs-hits          metadata of the entries that had a get since their files were written.
 *                          Written only at the end of a run, because a get costs no write: a
 *                          kill -9 loses the hits of the run
 *   .cachefs-rename        the rename of a directory that has begun: from, to
 *
 * Within a change, or before the layer has loaded, with no lock held. Functions return 0 or -errno.
 */

#include "file/layer.h"

/* Writes the markers of the index to their file. */
int file_markers_store(struct file_layer *f);

/*
 * Reads the markers if another daemon has written their file since our last read or write. 0, also
 * if there is no file or the file is damaged. -errno: the markers are unknown, and the caller must
 * not overwrite the file.
 */
int file_markers_refresh(struct file_layer *f);

/* file_is_markers(): true for the name of the list of markers. file_markers_are_news(): true if
 * that file looks different from the known look. At any time. */
bool file_is_markers(const char *name);
bool file_markers_are_news(struct file_layer *f);

void file_hits_store(struct file_layer *f); /* when the layer closes */
void file_hits_load(struct file_layer *f);

/* file_move_note(): notes that this rename begins. file_move_over(): notes that the rename is over.
 * file_move_read(): reads the noted rename; false: there is none. */
int file_move_note(struct file_layer *f, struct key from, struct key to);
int file_move_over(struct file_layer *f);
bool file_move_read(struct file_layer *f, struct key_buffer *from, struct key_buffer *to);

#endif
