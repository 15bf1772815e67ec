#ifndef CACHEFS_SCRATCH_REST_H
#define CACHEFS_SCRATCH_REST_H

/*
 * Scratch files that nobody renames. Who closes a file under a temporary name, and leaves it so,
 * has made a file like any other: after scratch_publish_s at rest (not empty, no writer, no lock)
 * it becomes an entry, and all that are not empty do when the daemon ends in order. What cannot be
 * stored stays a scratch file and is tried again. Opened for writing, such an entry is a scratch
 * file again.
 *
 * A lock (`*.lock`) that is stored stays a scratch file as well: the layers have a copy of it
 * (inode->scratch.has_copy), which they may evict.
 *
 * A thread looks after them.
 */

#include "verbs/fs_state.h"

int scratch_rest_start(struct fs *fs); /* 0 or -errno */
/* Ends the thread, and stores what is left; what has to be dropped is named in the log. */
void scratch_rest_end(struct fs *fs);

#endif
