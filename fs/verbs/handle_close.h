#ifndef CACHEFS_HANDLE_CLOSE_H
#define CACHEFS_HANDLE_CLOSE_H

/* How an open file ends: what a close, a sync and the last close publish. Functions wait, and want
 * no lock held; 0 or the layers' -errno. */

#include "verbs/handle.h"

/*
 * close(2) of one descriptor: publishes what came since the last publish, if that was the last one
 * of those who are known to hold the file (holders.h). O_APPEND: in any case. A set that was never
 * published, only if something was written through this handle.
 */
int handle_flush(struct fs *fs, struct handle *handle, struct caller caller);

/* Publishes and makes durable. */
int handle_fsync(struct fs *fs, struct handle *handle);

/* The last descriptor is gone; publishes what is still unpublished. May wait. */
void handle_release(struct fs *fs, struct handle *handle);

#endif
