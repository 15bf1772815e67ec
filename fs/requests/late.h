#ifndef CACHEFS_LATE_H
#define CACHEFS_LATE_H

/*
 * Requests that are answered in their handler's place, because the kernel would abort the mount
 * before the handler is done (request_timeout.h). The handler goes on; its own answer comes too
 * late, which is ENOENT to it, as when the caller was interrupted.
 *
 * The kernel takes an answered request for done. It may then release the file and forget the inode
 * that the handler still works with. So while there are such handlers, RELEASE and FORGET requests
 * are kept, and done when the last of them is through.
 */

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time_source.h"

struct late;

/* One for each thread that serves, zeroed; stays until late_leave(). What it handles now. */
struct late_request {
	struct late_request *next;
	bool known;      /* is in the list */
	uint64_t unique; /* 0: nothing, or nothing that is answered */
	uint32_t opcode;
	int64_t since_ms; /* by the mono clock of late_new()'s source */
	bool answered;    /* in the handler's place */
};

/* Every request has to be answered within limit_ms. NULL: out of memory. se and time outlive it. */
struct late *late_new(struct fuse_session *se, const struct time_source *time, int64_t limit_ms);
void late_free(struct late *late); /* nobody serves any more; NULL is fine */

/* Handles a request that came then. Waits that ask waiting_at_most() end by themselves before the
 * limit. */
void late_serve(struct late *late, struct late_request *mine, const struct fuse_buf *buf,
		int64_t since_ms);

/* The thread serves no more. */
void late_leave(struct late *late, struct late_request *mine);

/* Answers what has taken too long: RELEASE with 0, everything else with ETIMEDOUT. To be called
 * several times within the limit. */
void late_look(struct late *late);

/* How many handlers go on with what has been answered. */
unsigned late_count(const struct late *late);

#endif
