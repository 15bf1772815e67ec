#ifndef CACHEFS_LATE_H
#define CACHEFS_LATE_H

/*
 * Answers requests in place of a handler that takes too long, because the kernel would abort the
 * mount before the handler is done (request_timeout.h). The handler goes on. Its own answer comes
 * too late: it gets ENOENT, as after an interrupt of the caller.
 *
 * For the kernel, an answered request is done. The kernel may then release the file and forget the
 * inode that the handler still uses. So as long as there are such handlers, RELEASE and FORGET
 * requests are kept. They are handled when the last of these handlers is done.
 */

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time_source.h"

struct late;

/* The request that a serving thread handles now. One for each thread, zeroed; it stays until
 * late_leave(). */
struct late_request {
	struct late_request *next;
	bool known;      /* is in the list */
	uint64_t unique; /* 0: no request, or one that needs no answer */
	uint32_t opcode;
	int64_t since_ms; /* by the mono clock of late_new()'s source */
	bool answered;    /* in the handler's place */
};

/* Every request has to be answered within limit_ms. se and time outlive it. NULL: out of memory. */
struct late *late_new(struct fuse_session *se, const struct time_source *time, int64_t limit_ms);
void late_free(struct late *late); /* call when nobody serves any more; NULL is fine */

/* Handles a request that came at since_ms. Waits that ask waiting_at_most() end by themselves
 * before the limit. */
void late_serve(struct late *late, struct late_request *mine, const struct fuse_buf *buf,
		int64_t since_ms);

/* Call when the thread serves no more. */
void late_leave(struct late *late, struct late_request *mine);

/* Answers requests that have taken too long: RELEASE with 0, all others with ETIMEDOUT. Call it
 * several times within the limit. */
void late_look(struct late *late);

/* The number of handlers whose request has been answered in their place. */
unsigned late_count(const struct late *late);

#endif
