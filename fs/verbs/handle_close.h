#ifndef CACHEFS_HANDLE_CLOSE_H
#define CACHEFS_HANDLE_CLOSE_H

/* How an open file ends: which content a close, a sync and the last close publish. Functions wait
 * and want no lock held; they return 0 or the layers' -errno. */

#include "verbs/handle.h"

/*
 * close(2) of one descriptor. Publishes the content that is new since the last publish, if no
 * process that is known to hold the file (holders.h) has it open any more; with O_APPEND in any
 * case. A set that was never published is published only if something was written through this
 * handle.
 */
int handle_flush(struct fs *fs, struct handle *handle, struct caller caller);

/* Publishes the content and makes it durable. */
int handle_fsync(struct fs *fs, struct handle *handle);

/* The last descriptor is closed: publishes the content that is still unpublished. May wait. */
void handle_release(struct fs *fs, struct handle *handle);

#endif
