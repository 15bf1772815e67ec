#ifndef CACHEFS_LOCK_CLOSE_H
#define CACHEFS_LOCK_CLOSE_H

/*
 * A POSIX lock ends when its process closes any descriptor of that file, one for reading too. The
 * kernel tells of each close (FLUSH), but for files opened for reading alone that is spared, for it
 * would make each get half as dear again. So it is told where the file has such a lock already when
 * it is opened; and of what the process had open for reading before it took the lock, RELEASE ends
 * the lock.
 */

#include "verbs/handle.h"

/* Whether the kernel need not tell of the closes of this handle, which is new. */
bool lock_close_is_silent(struct fs *fs, struct handle *handle);

/* A POSIX lock is asked for through this handle. */
void lock_close_asked(struct fs *fs, struct handle *handle, uint64_t owner);

/* A thread has got one on the file of this identity for that owner, or waits for it. (The handle
 * may have been released by now.) */
void lock_close_note(struct fs *fs, uint64_t ino, pid_t tid, uint64_t owner);

/* RELEASE of the handle ends the locks of an owner: true, and who. */
bool lock_close_ends(struct fs *fs, const struct handle *handle, uint64_t *owner);

#endif
