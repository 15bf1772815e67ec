#ifndef CACHEFS_LOCK_CLOSE_H
#define CACHEFS_LOCK_CLOSE_H

/*
 * A POSIX lock ends when its process closes any descriptor of the file, even one that is open only
 * for reading. The kernel reports each close (FLUSH), except for files that are open only for
 * reading, because these reports would make each get 50 % more expensive. They are reported if the
 * file has such a lock already when it is opened. For a file that the process opened for reading
 * before it took the lock, RELEASE ends the lock.
 */

#include "verbs/handle.h"

/* True if the kernel need not report the closes of this new handle. */
bool lock_close_is_silent(struct fs *fs, struct handle *handle);

/* Call when a POSIX lock is requested through this handle. */
void lock_close_asked(struct fs *fs, struct handle *handle, uint64_t owner);

/* Call when a thread has got a POSIX lock for that owner on the file of this identity, or waits for
 * it. (The handle may have been released by now.) */
void lock_close_note(struct fs *fs, uint64_t ino, pid_t tid, uint64_t owner);

/* True if RELEASE of the handle ends the locks of an owner; *owner is this owner. */
bool lock_close_ends(struct fs *fs, const struct handle *handle, uint64_t *owner);

#endif
