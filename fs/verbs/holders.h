#ifndef CACHEFS_HOLDERS_H
#define CACHEFS_HOLDERS_H

/*
 * When a set has ended. FUSE tells of each closed descriptor (FLUSH), and a child that exits or
 * executes closes inherited ones too. So a set ends with a FLUSH after which no process that is
 * known to hold its handle has a descriptor of it: the opener, those seen writing through it, and
 * who closes, with its parent. While FLUSH waits, /proc shows it: a descriptor that is being closed
 * is gone there already, and in an exit all are. If more processes hold it at a time than are kept
 * in mind, no close ends it any more: RELEASE does, which always comes.
 *
 * A plain set is not looked at: the opener closes what nobody else was seen with, in the table of
 * descriptors through which it wrote. (A look at its others would make each set in memory three
 * quarters dearer.)
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fs;
struct handle;

enum { HOLDERS_KEPT = 32 };

/* Who is known to hold an open file. */
struct holders {
	/* fixed: */
	pid_t opener, opener_tid;      /* process and thread; 0: not to be seen from here */
	atomic_bool opener_closed_one; /* written through: the handle may be closed by now */
	/* guarded by the content lock: */
	pid_t others[HOLDERS_KEPT]; /* processes that wrote, or were found holding it; 0: free */
	bool too_many;              /* more at a time than there is room for: RELEASE ends it */
	bool shared;                /* it had, or has, more than one descriptor */
	bool opener_gone;           /* the opener closed its last one */
	bool opener_killed;         /* ... by being killed: nothing is published any more */
};

enum set_end {
	SET_GOES_ON,
	SET_ENDED,
	SET_BROKEN_OFF, /* the opener was killed holding it, or else who ended it: not published */
};

/* It has been opened by this thread. */
void holders_init(struct fs *fs, struct holders *holders, pid_t tid);

/* Who calls. */
struct caller {
	pid_t tid;
	uint64_t table; /* of its descriptors (process.h); 0: not told */
};

/* Somebody writes through it. */
void holders_note_writer(struct fs *fs, struct handle *handle, struct caller caller);

/* Somebody has closed a descriptor of it. has_news: something written is unpublished. */
enum set_end holders_at_close(struct fs *fs, struct handle *handle, struct caller caller,
			      bool has_news);

#endif
