#ifndef CACHEFS_SCRATCH_REST_H
#define CACHEFS_SCRATCH_REST_H

/*
 * Scratch files that nobody renames. A program that closes a file under a temporary name, and
 * leaves it there, has made an ordinary file. After scratch_publish_s at rest (not empty, no
 * writer, no lock) the file becomes an entry. When the daemon ends in order, all scratch files that
 * are not empty become entries. A file that cannot be stored stays a scratch file and is tried
 * again. An entry made so becomes a scratch file again when it is opened for writing.
 *
 * A lock (`*.lock`) that is stored also stays a scratch file: the layers have a copy of it
 * (inode->scratch.has_copy), which they may evict.
 *
 * One thread stores the files.
 */

#include "verbs/fs_state.h"

int scratch_rest_start(struct fs *fs); /* 0 or -errno */
/* Ends the thread, and stores the files that are left. The log names the files that have to be
 * dropped. */
void scratch_rest_end(struct fs *fs);

#endif
