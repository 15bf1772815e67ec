#ifndef CACHEFS_BIRTH_H
#define CACHEFS_BIRTH_H

/*
 * The birth time of statx(2). The kernel asks for it by STATX (7.39, Linux 6.6), which libfuse
 * knows from 3.18 on and 3.14 refuses. So a STATX becomes a GETATTR when it has been read, which is
 * the same but for the time, and the reply to it a reply to STATX before it is written. A request
 * is answered by the thread that read it, so what is known of it is the thread's own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* A request that has been read: its size, which is another now if it was a STATX. */
size_t birth_read(void *request, size_t size);

/* Writes the reply if it is one to a STATX. False: it is not. */
bool birth_write(int fd, const struct iovec *iov, int count, ssize_t *written);

/* Whether the GETATTR that this thread is about was a STATX; and what it is to answer (0: not
 * known), before it is replied to. */
bool birth_is_asked(void);
void birth_tell(int64_t created_ms);

#endif
