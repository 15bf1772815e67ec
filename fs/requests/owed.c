/* See owed.h. A reply has the number of its request: libfuse writes it, and the kernel reads it. */
#include "requests/owed.h"

#include <assert.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"

static _Thread_local struct {
	uint64_t unique; /* 0: no request, or one that is answered by nobody */
	bool due;
} owed;

static bool wants_reply(uint32_t opcode)
{
	return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT &&
	       opcode != FUSE_NOTIFY_REPLY;
}

void owed_process(struct fuse_session *se, const struct fuse_buf *request)
{
	const struct fuse_in_header *in = request->mem;

	assert(!owed.due && !(request->flags & FUSE_BUF_IS_FD));
	owed.due = wants_reply(in->opcode);
	owed.unique = owed.due ? in->unique : 0;
	fuse_session_process_buf(se, request);
	assert(!owed.due && lock_none_held());
	owed.unique = 0;
}

void owed_note_reply(const struct iovec *reply)
{
	const struct fuse_out_header *out = reply->iov_base;

	if (owed.unique == 0 || out->unique != owed.unique)
		return;
	assert(owed.due);
	owed.due = false;
}

void owed_leave(void)
{
	assert(owed.due);
	owed.due = false;
}
