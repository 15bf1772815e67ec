#ifndef CACHEFS_FILE_WATCH_H
#define CACHEFS_FILE_WATCH_H

/* The thread of a file layer. It reads the directory at the start, then follows it (inotify), keeps
 * the limits and removes expired entries. */

#include "file/layer.h"

/*
 * Starts the thread. The thread calls scanned() once, after it has read the directory (complete:
 * all files) and before any thread gets a turn: for work that precedes the layer's first answer. If
 * the layer stops earlier, scanned() is not called. 0 or -EAGAIN.
 */
int file_watch_start(struct file_layer *f, void (*scanned)(struct file_layer *f, bool complete));
void file_watch_stop(struct file_layer *f);

/* Applies all events that inotify has reported so far. Not within a change, with no lock held. */
void file_watch_catch_up(struct file_layer *f);

#endif
