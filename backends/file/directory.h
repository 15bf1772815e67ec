#ifndef CACHEFS_FILE_DIRECTORY_H
#define CACHEFS_FILE_DIRECTORY_H

/* The directory of a file layer: made, followed by inotify, read through, and exchanged where it
 * has been removed. With no lock held. */

#include "file/layer.h"
#include "file/turn.h"

/* Makes it and the directories that lead to it. 0, also if it is there, or -errno. */
int file_directory_make(const struct file_conf *conf);

/* From now on inotify tells of it. Where that cannot be, the log says so, and it is done without.
 */
void file_directory_follow(struct file_layer *f);

/*
 * Reads what is new in it, the oldest first, and sweeps temporary files whose writer is gone. step
 * NULL: before anybody has a turn; else within a change. False: not all of it.
 */
bool file_directory_scan(struct file_layer *f, struct file_step *step);

/* Whether it has been removed, or moved away from its path. */
bool file_directory_is_removed(struct file_layer *f);

/*
 * If it is: the one that there is now at its path takes its place, made if need be (make), and is
 * scanned; the descriptor keeps its number. 0, -EEXIST: it is still there, or -errno. Within a
 * change.
 */
int file_directory_renew(struct file_layer *f, bool make);

#endif
