#ifndef CACHEFS_EMPTYING_H
#define CACHEFS_EMPTYING_H

/*
 * Decides whether a caller may empty a directory with everything below it, as rmdir does here. The
 * kernel checks only the directory that contains the name: no unlink(2) of this caller could remove
 * files further down.
 */

#include "verbs/fs_state.h"

enum { EMPTIER_GROUPS = 64 };

/* The caller. Groups beyond these count as if the caller were not in them. */
struct emptier {
	uid_t uid;
	gid_t gid;
	size_t group_count;
	gid_t groups[EMPTIER_GROUPS];
};

/*
 * 0: every directory from dir downwards that is not empty lets the caller write and search (the
 * mount's owner and root always may). -EACCES; -EPERM: a sticky directory contains a file of
 * somebody else; -errno of the layers. `pending`: something below is not in the layers yet, so no
 * directory counts as empty.
 */
int emptying_is_allowed(struct fs *fs, struct key dir, const struct emptier *who, bool pending);

#endif
