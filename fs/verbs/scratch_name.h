#ifndef CACHEFS_SCRATCH_NAME_H
#define CACHEFS_SCRATCH_NAME_H

/* Decides which names are scratch names, that is, temporary ones. See scratch.h. */

#include "verbs/fs_state.h"

/*
 * True if a last component is a scratch name: one of the patterns (the list ends with NULL) matches
 * all of it. A pattern is a glob with *, ? and [...]. Six or more X at its end stand for as many
 * letters and digits, as mkstemp(3) draws them. A word of only small letters does not match:
 * `.env.sample` is no temporary name of rsync. Patterns for drawn names (those, and patterns with
 * ??????) match only files that are made as mkstemp(3) makes them, with O_EXCL and mode 0600:
 * scratch_is_made().
 */
bool scratch_is_name(char *const *patterns, struct key name);
bool scratch_is_made(char *const *patterns, struct key name, int flags, uint32_t mode);

/* Likewise, with the patterns of the configuration. */
bool scratch_has_name(const struct fs *fs, const struct name *name);

/* True if the file has such a name and is not a scratch file. */
bool scratch_can_be_locked(const struct fs *fs, const struct inode *inode);

#endif
