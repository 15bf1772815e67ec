#ifndef CACHEFS_CREW_H
#define CACHEFS_CREW_H

/*
 * Leader and followers: threads of which at most one leads, that is, waits for work and does what
 * it gets. One that is about to wait while it works gives the lead to a thread that stands by, or
 * to a new one. When it is done it stands by, or leads if nobody does. With one client nobody but
 * the leader runs, and takes no lock: a wake-up on another CPU costs more than all the rest of a
 * request.
 *
 * The thread that makes the crew (the runner) is not of it: it starts it, looks after it and brings
 * its end about.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/time_source.h"
#include "inspect/request_counts.h"

struct crew;
struct member; /* one of its threads */

struct crew_conf {
	unsigned threads_max; /* those that wait included; less than 2 is 2 */
	/* The life of a thread, which leads when it begins: works until goes_on() is false. All
	 * signals but those of a fault are for other threads. */
	void (*live)(void *self, struct member *m);
	/* How many threads wait and count for nothing any more: each is replaced, up to a bound. */
	unsigned (*lost)(void *self);
	void *self;
	struct request_counts *counts; /* handovers, threads and waiting are counted here */
	const struct time_source *time;
};

/* The conf is copied; what it points to outlives the crew. NULL: out of memory. */
struct crew *crew_new(const struct crew_conf *conf);
void crew_free(struct crew *crew); /* never started, or joined; NULL is fine */

/* ---- for its threads ---- */

/* This thread is about to wait: it gives the lead away, if it has it. A hook of waiting.h; call it
 * with no lock held. */
void crew_leave(void *member);

/* Whether the thread blocks in the kernel, or is about to, and may be interrupted. */
void crew_blocks(struct member *m, bool blocks);

/* After a piece of work: stands by, if the lead was given away. rest() is called before that if
 * many do already. True: leads; false: the thread is to return. */
bool crew_goes_on(struct member *m, void (*rest)(void *self), void *self);

/* There is no more work: the leader ends the crew with 0 or -errno, and returns. */
void crew_end(struct member *m, int rc);

/* When nobody led any more, by the mono clock; 0: somebody has since, and has said so. */
int64_t crew_vacant_since_ms(const struct crew *crew);
void crew_was_vacant(struct crew *crew); /* what came meanwhile has been taken */

/* ---- for the runner ---- */

/* Has somebody lead. 0 or -errno. SIGUSR2 is taken, to interrupt who blocks. */
int crew_start(struct crew *crew);

/* Readable when there is something to look at; crew_notice() makes it so, and is safe in a signal
 * handler. */
int crew_fd(const struct crew *crew);
void crew_notice(struct crew *crew);

enum crew_state {
	CREW_WORKS,
	CREW_STARVES, /* no thread could be made to lead: crew_retry() after a while */
	CREW_ENDS,
};
enum crew_state crew_state(struct crew *crew);
void crew_retry(struct crew *crew);

/* Finds somebody to lead if nobody does: also when lost() tells of more. */
void crew_appoint(struct crew *crew);

/* Ends it: the leader is interrupted, who stands by returns. Who works goes on till it is done. */
void crew_dismiss(struct crew *crew);

/* Whether all threads have returned, waiting at most wait_ms. */
bool crew_await(struct crew *crew, int64_t wait_ms);

/* After that. Returns what the crew ended with. */
int crew_join(struct crew *crew);

#endif
