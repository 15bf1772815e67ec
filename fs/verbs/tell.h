#ifndef CACHEFS_TELL_H
#define CACHEFS_TELL_H

/* What the kernel is told beyond its replies: that a name leads elsewhere by now. Nobody is told
 * before the mount is there and after its end. */

#include "verbs/fs_state.h"

/* The kernel shall look the name up again. Queued: the new state first. */
void tell_name_locked(struct fs *fs, const struct name *name);

/* All names of the mount. */
void tell_all(struct fs *fs);

/* Waits until all that was told before has been heard, 100 ms at most. Hands the request loop over
 * first, for the kernel may want another request answered. Call with no lock held. */
void tell_wait(struct fs *fs);

#endif
