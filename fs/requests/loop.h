#ifndef CACHEFS_LOOP_H
#define CACHEFS_LOOP_H

/*
 * Reads requests and handles them. The leader of a crew (crew.h) waits for the next request and
 * handles it inline. A handler that is about to wait calls waiting_begin() (base/waiting.h), which
 * gives the lead to another thread. The handler keeps the buffer of its request until its thread
 * reads again.
 */

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "base/time_source.h"
#include "inspect/request_counts.h"

struct loop;

/*
 * threads_max bounds the threads (at least 2), with those whose handlers wait. When all of them
 * wait, requests queue in the kernel until one is done. se and time outlive the loop. NULL: out of
 * memory.
 */
struct loop *loop_new(struct fuse_session *se, unsigned threads_max,
		      const struct time_source *time);
void loop_free(struct loop *loop);

/* Before loop_run(): every request has to be answered within limit_ms (late.h). 0 or -ENOMEM. */
int loop_answer_within(struct loop *loop, int64_t limit_ms);

/* The functions that the loop calls, in the thread of loop_run(). */
struct loop_hooks {
	void (*tick)(void *self);   /* several times within the limit, if there is one */
	void (*ending)(void *self); /* once, when the end begins: answers requests that only wait */
	void (*wake)(void *self);   /* repeatedly, until all handlers have returned */
	void *self;
};

/*
 * Serves until the session ends (unmounted, or loop_stop()). Then calls ending(), lets waiting
 * handlers finish for drain_ms, calls wake() until all have returned, and joins its threads.
 * Returns 0 or the -errno that ended it. The calling thread serves no request; it only ends the
 * loop. SIGUSR2 is used to interrupt a read; all other signals go to the calling thread.
 */
int loop_run(struct loop *loop, int64_t drain_ms, const struct loop_hooks *hooks);

/* Ends loop_run(). Safe in a signal handler, and more than once. */
void loop_stop(struct loop *loop);

/* The loop's counters. */
const struct request_counts *loop_counts(const struct loop *loop);

#endif
