#ifndef CACHEFS_FILE_DIRECTORY_H
#define CACHEFS_FILE_DIRECTORY_H

/* The directory of a file layer: makes it, follows it with inotify, reads its files, and opens a
 * new one after a removal. The caller holds no lock. */

#include "file/layer.h"
#include "file/turn.h"

/* Makes the directory and the directories that lead to it. 0, also if it exists, or -errno. */
int file_directory_make(const struct file_conf *conf);

/* Lets inotify report the changes in the directory. If that is impossible, the log says so, and the
 * layer works without inotify. */
void file_directory_follow(struct file_layer *f);

/*
 * Reads the new and changed files, the oldest first, and removes temporary files whose writer has
 * ended. step NULL: no other thread gets a turn during the scan; otherwise the caller is within a
 * change. False: some files were not read.
 */
bool file_directory_scan(struct file_layer *f, struct file_step *step);

/* True if the directory was removed, or moved away from its path. */
bool file_directory_is_removed(struct file_layer *f);

/*
 * If the directory was removed: opens the directory that is now at the path (with `make`, makes it
 * if needed) and scans it; the descriptor keeps its number. 0; -EEXIST: the old directory is still
 * there; or -errno. Within a change.
 */
int file_directory_renew(struct file_layer *f, bool make);

#endif
