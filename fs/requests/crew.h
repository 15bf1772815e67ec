#ifndef CACHEFS_CREW_H
#define CACHEFS_CREW_H

/*
 * Leader and followers: a crew of threads of which at most one leads. The leader waits for work and
 * does the work that it gets. Before a leader waits during its work, it gives the lead to a thread
 * that stands by, or to a new one. When its work is done it stands by, or leads if nobody does.
 * With one client only the leader runs, and it takes no lock: a wake-up on another CPU costs more
 * than all the rest of a request.
 *
 * The thread that makes the crew (the runner) does not belong to it. The runner starts the crew,
 * watches it and ends it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/time_source.h"
#include "inspect/request_counts.h"

struct crew;
struct member; /* one thread of the crew */

struct crew_conf {
	unsigned threads_max; /* threads that wait included; a value below 2 counts as 2 */
	/* The life of a thread, which leads when it begins: works until crew_goes_on() is false.
	 * All signals except those of a fault go to other threads. */
	void (*live)(void *self, struct member *m);
	/* The number of waiting threads that do not count any more: each is replaced, up to a
	 * bound. */
	unsigned (*lost)(void *self);
	void *self;
	struct request_counts *counts; /* handovers, threads and waiting are counted here */
	const struct time_source *time;
};

/* Copies conf; what its pointers lead to outlives the crew. NULL: out of memory. */
struct crew *crew_new(const struct crew_conf *conf);
void crew_free(struct crew *crew); /* never started, or joined; NULL is fine */

/* ---- for the threads of the crew ---- */

/* Call when this thread is about to wait: gives the lead away if the thread has it. A hook of
 * waiting.h; call it with no lock held. */
void crew_leave(void *member);

/* Notes whether the thread blocks in the kernel, or is about to, and may be interrupted. */
void crew_blocks(struct member *m, bool blocks);

/* Call after a piece of work. If the thread gave the lead away, it stands by; if many do already,
 * rest() is called first. True: the thread leads; false: it shall return. */
bool crew_goes_on(struct member *m, void (*rest)(void *self), void *self);

/* There is no more work: the leader ends the crew with 0 or -errno, and then returns. */
void crew_end(struct member *m, int rc);

/* The time, by the mono clock, from which on nobody led; 0: somebody has led since, and called
 * crew_was_vacant(). */
int64_t crew_vacant_since_ms(const struct crew *crew);
void crew_was_vacant(struct crew *crew); /* the work that came meanwhile has been taken */

/* ---- for the runner ---- */

/* Makes a thread lead. 0 or -errno. Uses SIGUSR2, to interrupt blocked threads. */
int crew_start(struct crew *crew);

/* Readable when the runner shall look at the crew; crew_notice() makes it readable, and is safe in
 * a signal handler. */
int crew_fd(const struct crew *crew);
void crew_notice(struct crew *crew);

enum crew_state {
	CREW_WORKS,
	CREW_STARVES, /* no thread could be made to lead: call crew_retry() after a while */
	CREW_ENDS,
};
enum crew_state crew_state(struct crew *crew);
void crew_retry(struct crew *crew);

/* Makes a thread lead if nobody does. Call it also when lost() has grown. */
void crew_appoint(struct crew *crew);

/* Ends the crew: interrupts the leader; threads that stand by return. A thread that works finishes
 * its work. */
void crew_dismiss(struct crew *crew);

/* True if all threads have returned; waits at most wait_ms for that. */
bool crew_await(struct crew *crew, int64_t wait_ms);

/* Call after that. Returns the result with which the crew ended. */
int crew_join(struct crew *crew);

#endif
