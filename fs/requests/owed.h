#ifndef CACHEFS_OWED_H
#define CACHEFS_OWED_H

/*
 * The reply that a thread owes for the request it handles: exactly one, asserted. A request that
 * waits for a lock may be left to whoever lets it through. What libfuse replies by itself counts
 * like a handler's reply; what other threads reply meanwhile is not this thread's.
 */

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <sys/uio.h>

/* fuse_session_process_buf(), after which nothing is owed and no lock is held. */
void owed_process(struct fuse_session *se, const struct fuse_buf *request);

/* A reply is about to be written to the kernel. */
void owed_note_reply(const struct iovec *reply);

/* The request that this thread handles is answered by somebody else, once. */
void owed_leave(void);

#endif
