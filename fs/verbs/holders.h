#ifndef CACHEFS_HOLDERS_H
#define CACHEFS_HOLDERS_H

/*
 * Decides when a set has ended. FUSE reports each closed descriptor (FLUSH). A child that exits or
 * executes closes inherited descriptors, too. So a set ends with the FLUSH after which no process
 * that is known to hold the handle has a descriptor of it. Known are the opener, the processes that
 * were seen writing through the handle, and the process that closes, with its parent. While FLUSH
 * waits, /proc shows the descriptors: one that is being closed is gone there already, and in an
 * exit all are. If more processes hold the handle at a time than `others` has room for, no close
 * ends the set any more: RELEASE does, which always comes.
 *
 * A plain set needs no look at /proc: the opener closes, no other process was seen with the handle,
 * and the close comes from the table of descriptors through which the opener wrote. (A look would
 * make each set in memory 75 % more expensive.)
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fs;
struct handle;

enum { HOLDERS_KEPT = 32 };

/* The processes that are known to hold an open file. */
struct holders {
	/* fixed: */
	pid_t opener, opener_tid;      /* process and thread; 0: not visible from here */
	atomic_bool opener_closed_one; /* after a write: perhaps its last descriptor */
	/* guarded by the content lock: */
	pid_t others[HOLDERS_KEPT]; /* processes that wrote, or were found holding it; 0: free */
	bool too_many;              /* more at a time than there is room for: RELEASE ends it */
	bool shared;                /* it had, or has, more than one descriptor */
	bool opener_gone;           /* the opener closed its last one */
	bool opener_killed;         /* ... a signal ended it: nothing is published any more */
};

enum set_end {
	SET_GOES_ON,
	SET_ENDED,
	SET_BROKEN_OFF, /* not published: a signal ended the opener, or who ended the set */
};

/* Call when this thread has opened the file. */
void holders_init(struct fs *fs, struct holders *holders, pid_t tid);

/* The thread that calls. */
struct caller {
	pid_t tid;
	uint64_t table; /* of its descriptors (process.h); 0: unknown */
};

/* Call when somebody writes through the handle. */
void holders_note_writer(struct fs *fs, struct handle *handle, struct caller caller);

/* Call when somebody has closed a descriptor of the handle. has_news: written content is
 * unpublished. */
enum set_end holders_at_close(struct fs *fs, struct handle *handle, struct caller caller,
			      bool has_news);

#endif
