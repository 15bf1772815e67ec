#ifndef CACHEFS_OWED_H
#define CACHEFS_OWED_H

/*
 * Asserts that a thread replies exactly once to the request that it handles. A request that waits
 * for a lock may be left to the thread that grants the lock. A reply that libfuse makes by itself
 * counts like a handler's reply. Replies of other threads do not count for this thread.
 */

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <sys/uio.h>

/* Calls fuse_session_process_buf(), and asserts that afterwards no reply is missing and no lock is
 * held. */
void owed_process(struct fuse_session *se, const struct fuse_buf *request);

/* Call when a reply is about to be written to the kernel. */
void owed_note_reply(const struct iovec *reply);

/* Another thread will answer this thread's request, once. */
void owed_leave(void);

#endif
