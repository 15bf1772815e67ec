#ifndef CACHEFS_FILE_WATCH_H
#define CACHEFS_FILE_WATCH_H

/* The thread of a file layer: reads the directory at the start, then follows it (inotify), keeps
 * the limits and removes what expires. */

#include "file/layer.h"

/*
 * scanned() is called once, in the thread, when the directory has been read (complete: all of it),
 * and before anybody has a turn: what is to be done before the layer answers. Not if it is stopped
 * before. 0 or -EAGAIN.
 */
int file_watch_start(struct file_layer *f, void (*scanned)(struct file_layer *f, bool complete));
void file_watch_stop(struct file_layer *f);

/* Takes note of all that inotify has told up to now. Not within a change, and with no lock held. */
void file_watch_catch_up(struct file_layer *f);

#endif
