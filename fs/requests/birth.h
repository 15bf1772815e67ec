#ifndef CACHEFS_BIRTH_H
#define CACHEFS_BIRTH_H

/*
 * The birth time of statx(2). The kernel asks for it by STATX (7.39, Linux 6.6), which libfuse
 * knows from 3.18 on and 3.14 refuses. So after a STATX has been read, it becomes a GETATTR, which
 * is the same except for the birth time. Before the reply to it is written, the reply becomes one
 * to STATX. The thread that read a request also answers it, so the facts about the request are
 * thread-local.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Call when a request has been read. Its size, which is another one if it was a STATX. */
size_t birth_read(void *request, size_t size);

/* Writes the reply if it is one to a STATX; false: it is not. */
bool birth_write(int fd, const struct iovec *iov, int count, ssize_t *written);

/* birth_is_asked(): true if the GETATTR that this thread handles was a STATX. birth_tell(): the
 * birth time to answer (0: unknown), before the reply. */
bool birth_is_asked(void);
void birth_tell(int64_t created_ms);

#endif
