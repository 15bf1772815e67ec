#ifndef CACHEFS_FILE_LISTS_H
#define CACHEFS_FILE_LISTS_H

/*
 * The files of a file layer that are no entries: a list each, of entries without a value
 * (file/entry.h).
 *
 *   .cachefs-directories   the markers of directories
 *   .cachefs-hits          metadata of entries got since their files were written; at the end of a
 *                          run alone, for a get costs no write: a kill -9 loses its hits
 *   .cachefs-rename        the rename of a directory that has begun: from, to
 *
 * Within a change, or before the layer has loaded; with no lock held. Functions return 0 or -errno.
 */

#include "file/layer.h"

/* Writes the markers down, as they are in the index. */
int file_markers_store(struct file_layer *f);

/* Reads the markers, if their file is not the one that was read or written last: another daemon's.
 * 0, also if there is none, or it is damaged; -errno: nobody knows, and it is not to be
 * overwritten.
 */
int file_markers_refresh(struct file_layer *f);

/* Whether a file of the directory is the list of markers, and other than it is known. At any time.
 */
bool file_is_markers(const char *name);
bool file_markers_are_news(struct file_layer *f);

void file_hits_store(struct file_layer *f); /* when the layer is closed */
void file_hits_load(struct file_layer *f);

/* Notes that this rename begins; that it is over; false: none has begun. */
int file_move_note(struct file_layer *f, struct key from, struct key to);
int file_move_over(struct file_layer *f);
bool file_move_read(struct file_layer *f, struct key_buffer *from, struct key_buffer *to);

#endif
