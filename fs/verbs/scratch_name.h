#ifndef CACHEFS_SCRATCH_NAME_H
#define CACHEFS_SCRATCH_NAME_H

/* Scratch names: which names are temporary ones. See scratch.h. */

#include "verbs/fs_state.h"

/*
 * Whether a last component is a scratch name: one of the patterns (ends with NULL) fits it whole. A
 * pattern is a glob with *, ? and [...]. Six or more X at its end stand for as many letters and
 * digits as mkstemp(3) draws, which a word in small letters is not taken for: `.env.sample` is no
 * temporary name of rsync. Patterns for what is drawn, those and ones with ??????, count only for
 * files that are made as mkstemp(3) makes them, with O_EXCL and mode 0600: scratch_is_made().
 */
bool scratch_is_name(char *const *patterns, struct key name);
bool scratch_is_made(char *const *patterns, struct key name, int flags, uint32_t mode);

/* By the patterns of the configuration. */
bool scratch_has_name(const struct fs *fs, const struct name *name);

/* Whether it has such a name and is no scratch file. */
bool scratch_can_be_locked(const struct fs *fs, const struct inode *inode);

#endif
