#ifndef CACHEFS_TELL_H
#define CACHEFS_TELL_H

/* Notifications of the kernel that a name leads to another inode by now. Nobody is notified before
 * the mount is there and after its end. */

#include "verbs/fs_state.h"

/* The kernel shall look the name up again. The notification is queued: change the state first. */
void tell_name_locked(struct fs *fs, const struct name *name);

/* Likewise for all names of the mount. */
void tell_all(struct fs *fs);

/* Waits until all earlier notifications are delivered, 100 ms at most. First hands the request loop
 * over, because the kernel may want another request answered. Call with no lock held. */
void tell_wait(struct fs *fs);

#endif
