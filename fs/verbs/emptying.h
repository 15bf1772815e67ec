#ifndef CACHEFS_EMPTYING_H
#define CACHEFS_EMPTYING_H

/*
 * Whether somebody may empty a directory with all that is below it, as rmdir does here. The kernel
 * looks only at the directory that the name is in: what is below could be removed by no unlink(2)
 * of this caller.
 */

#include "verbs/fs_state.h"

enum { EMPTIER_GROUPS = 64 };

/* Who asks. The groups beyond these are as if the caller were not in them. */
struct emptier {
	uid_t uid;
	gid_t gid;
	size_t group_count;
	gid_t groups[EMPTIER_GROUPS];
};

/*
 * 0: every directory from dir on that is not empty lets the caller write and search (the mount's
 * owner and root may anyway). -EACCES; -EPERM: a sticky directory has what is somebody else's;
 * -errno of the layers. `pending`: something below is not in the layers yet, so none of the
 * directories is taken for empty.
 */
int emptying_is_allowed(struct fs *fs, struct key dir, const struct emptier *who, bool pending);

#endif
