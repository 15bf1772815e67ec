#ifndef CACHEFS_LOOP_H
#define CACHEFS_LOOP_H

/*
 * Reads requests and handles them: the leader of a crew (crew.h) waits for the next one and handles
 * what it gets inline. A handler that is about to wait calls waiting_begin() (base/waiting.h),
 * which gives the lead to another thread; the request's buffer stays the handler's until it reads
 * again.
 */

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "base/time_source.h"
#include "inspect/request_counts.h"

struct loop;

/*
 * threads_max bounds the threads, handlers that wait included (at least 2); when all of them wait,
 * requests queue in the kernel until one is done. NULL: out of memory. se and time outlive
 * the loop.
 */
struct loop *loop_new(struct fuse_session *se, unsigned threads_max,
		      const struct time_source *time);
void loop_free(struct loop *loop);

/* Before loop_run: every request has to be answered within that time (late.h). 0 or -ENOMEM. */
int loop_answer_within(struct loop *loop, int64_t limit_ms);

/* What the loop calls, in the thread of loop_run. */
struct loop_hooks {
	void (*tick)(void *self);   /* several times within the limit, if there is one */
	void (*ending)(void *self); /* once, when the end has begun: answers who only waits */
	void (*wake)(void *self);   /* again and again, until all handlers have returned */
	void *self;
};

/*
 * Serves until the session ends (unmounted, or loop_stop), calls ending(), lets waiting handlers
 * finish for drain_ms, calls wake() until all have returned, and joins its threads. Returns 0 or
 * the -errno that ended it. The calling thread serves nothing: it brings the end about. SIGUSR2 is
 * taken (to interrupt a read); all other signals are for the calling thread.
 */
int loop_run(struct loop *loop, int64_t drain_ms, const struct loop_hooks *hooks);

/* Ends loop_run. Safe in a signal handler, and more than once. */
void loop_stop(struct loop *loop);

/* What it counts. */
const struct request_counts *loop_counts(const struct loop *loop);

#endif
